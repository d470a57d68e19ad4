/** `sluice top`: nothing measures pods here, and a person who asks is told what does. */

export function top(): Promise<number> {
  return Promise.reject(
    new Error(
      'Cannot tell CPU and memory: the API server has no metrics.k8s.io. Pods are processes of this machine: ' +
        '"top" and "ps -eo pid,pcpu,rss,args" show what they use; "sluice describe pods" has the process of each container.',
    ),
  )
}
