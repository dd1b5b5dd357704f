/** What runs on every runtime: folders and files below test/, whatever touches more than the language. */
export const CORE: readonly string[] = ['backends', 'client', 'engine', 'dispatch']
