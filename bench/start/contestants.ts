/** Loads a package. Resolves with a function that sends a request and reads the whole response. */
export type Load = () => Promise<(url: string) => Promise<unknown>>

/** The contestants by name. Imports are dynamic, because their duration is measured. */
export const contestants: Record<string, Load> = {
  hawser: async () => {
    const { Client } = await import('hawser')
    return (url) => new Client().get(url)
  },
  'hawser/engine': async () => {
    const { ConnectionPool } = await import('hawser/engine')
    return async (url) => {
      const { origin, pathname: path } = new URL(url)
      return (await new ConnectionPool().request({ origin, path })).bytes()
    }
  },
  'hawser/fetch': async () => {
    const { fetch } = await import('hawser/fetch')
    return async (url) => (await fetch(url)).arrayBuffer()
  },
  undici: async () => {
    const { request } = await import('undici')
    return async (url) => (await request(url)).body.arrayBuffer()
  },
  'Node.js fetch': async () => async (url) => (await fetch(url)).arrayBuffer(),
  axios: async () => {
    const { default: axios } = await import('axios')
    return (url) => axios.get(url)
  },
  got: async () => {
    const { default: got } = await import('got')
    return (url) => got(url)
  },
}
