/**
 * The routing model as it is written in a file: for every field its shape, its default and its explanation. A field that is
 * added to the model does not compile until it has its line here.
 */
import type { RoutingSnapshot, SourceGeneration } from '../model.ts'

import { cluster } from './cluster-shapes.ts'
import { count, locality, name } from './common-shapes.ts'
import { listener, tcpListener } from './listener-shapes.ts'
import { routeTable } from './route-shapes.ts'
import * as s from './shape.ts'
import type { Shape } from './shape.ts'

const source = s.object<SourceGeneration>({
  group: s.byDefault(s.text(), '', 'API group of the object'),
  kind: s.required(name, 'Its kind'),
  namespace: s.byDefault(s.text(), '', 'Its namespace'),
  name: s.required(name, 'Its name'),
  uid: s.byDefault(s.text(), '', 'Its uid'),
  generation: s.byDefault(count, 0, 'Its generation'),
})

export const snapshotShape: Shape<RoutingSnapshot> = s.object<RoutingSnapshot>({
  generation: s.byDefault(count, 0, 'Not read: every change of the file counts on by itself'),
  sources: s.byDefault(s.list(source), [], 'The objects that this was made from; empty in a file written by hand'),
  listeners: s.required(s.list(listener), 'Where requests come in'),
  tcpListeners: s.optional(s.list(tcpListener), 'Where connections come in that are not read as HTTP'),
  routeTables: s.required(s.list(routeTable), 'What becomes of requests'),
  clusters: s.byDefault(s.list(cluster), [], 'Where requests go'),
  locality: s.optional(locality, 'Where this data plane runs; default: nowhere in particular'),
})
