/** What a kind does to its objects on their way in and out where the object alone does not decide. */
import type { Random } from '../base/random.ts'
import type { KubeObject } from '../kube/object.ts'

/** All in the shape that is stored. Pure but for the addresses that are given out. */
export interface Admission<T extends KubeObject = KubeObject> {
  /** The object as it is to be stored. @throws AdmissionError */
  create?(object: T, surroundings: Surroundings<T>): T
  /** @throws AdmissionError */
  update?(object: T, old: T, surroundings: Surroundings<T>): T
  /** Why an object of this name may not be deleted; undefined where it may. */
  whyNotDelete?(name: string): string | undefined
  /** The object while its deletion is under way. */
  markDeleted?(object: T): T
  /** True while something besides `metadata.finalizers` keeps a deleted object. */
  isHeld?(object: T): boolean
}

export interface Surroundings<T extends KubeObject = KubeObject> {
  /** All objects of the kind, with the writes that are under way. */
  readonly stored: () => readonly T[]
  readonly serviceAddresses: AddressPool
  readonly random: Random
}

/** The addresses that Services may have. */
export interface AddressPool {
  /** A free address; undefined when all are taken. */
  allocate(taken: ReadonlySet<string>): string | undefined
  contains(address: string): boolean
}
