/** Loads a package, and gives a function that makes one request and reads all of its answer. */
export type Load = () => Promise<(url: string) => Promise<unknown>>

/** Nothing is imported before it is asked for: what an import costs is what is measured. */
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
  'fetch of Node': async () => async (url) => (await fetch(url)).arrayBuffer(),
  axios: async () => {
    const { default: axios } = await import('axios')
    return (url) => axios.get(url)
  },
  got: async () => {
    const { default: got } = await import('got')
    return (url) => got(url)
  },
}
