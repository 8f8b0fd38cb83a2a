// URL and URLSearchParams by the WHATWG standard, and Node's older `url` functions.
(function ({ native, load }) {
  class URLSearchParams {
    #pairs = [];
    #changed;
    constructor(source = '', changed) {
      this.#changed = changed;
      if (typeof source === 'object' && source !== null) {
        const pairs = typeof source[Symbol.iterator] === 'function' ? [...source] : Object.entries(source);
        this.#pairs = pairs.map(([name, value]) => [String(name), String(value)]);
      } else this.#pairs = native('parse query', String(source).toWellFormed().replace(/^\?/, ''));
    }
    #set(pairs) { this.#pairs = pairs; this.#changed?.(this.toString()); }
    get size() { return this.#pairs.length; }
    append(name, value) { this.#set([...this.#pairs, [String(name), String(value)]]); }
    delete(name, value) {
      this.#set(this.#pairs.filter((pair) => pair[0] !== String(name) || (value !== undefined && pair[1] !== String(value))));
    }
    get(name) { return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null; }
    getAll(name) { return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]); }
    has(name, value) {
      return this.#pairs.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)));
    }
    set(name, value) {
      const at = this.#pairs.findIndex((pair) => pair[0] === String(name));
      if (at < 0) return this.append(name, value);
      this.#set(this.#pairs.filter((pair, index) => index <= at || pair[0] !== String(name))
        .map((pair, index) => (index === at ? [pair[0], String(value)] : pair)));
    }
    sort() { this.#set([...this.#pairs].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))); }
    forEach(callback, self) { for (const [name, value] of this.#pairs) callback.call(self, value, name, this); }
    *entries() { for (const pair of this.#pairs) yield [...pair]; }
    *keys() { for (const pair of this.#pairs) yield pair[0]; }
    *values() { for (const pair of this.#pairs) yield pair[1]; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return native('write query', JSON.stringify(this.#pairs.map((pair) => pair.map((text) => text.toWellFormed())))); }
  }

  const parse = (text, base) => native('parse url', String(text).toWellFormed(), base === undefined ? null : String(base));
  class URL {
    #parts;
    #params;
    constructor(text, base) {
      this.#parts = parse(text, base);
      if (!this.#parts) throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: String(text) });
    }
    static canParse(text, base) { return parse(text, base) !== null; }
    static parse(text, base) { return URL.canParse(text, base) ? new URL(text, base) : null; }
    static get(url, name) { return url.#parts[name]; }
    static set(url, name, value) {
      url.#parts = native('change url', url.#parts.href, name, String(value));
      if (name === 'search' || name === 'href') url.#params = undefined;
    }
    get searchParams() {
      return (this.#params ??= new URLSearchParams(this.search, (query) => {
        this.#parts = native('change url', this.#parts.href, 'search', query);
      }));
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
  }
  const { get, set } = URL;
  delete URL.get;
  delete URL.set;
  for (const name of ['href', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']) {
    Object.defineProperty(URL.prototype, name, {
      get() { return get(this, name); }, set(value) { set(this, name, value); }, enumerable: true, configurable: true,
    });
  }
  Object.defineProperty(URL.prototype, 'origin', { get() { return get(this, 'origin'); }, enumerable: true, configurable: true });

  return {
    URL,
    URLSearchParams,
    parse(text, withQuery) {
      const url = URL.parse(text);
      if (!url) return { href: text, pathname: text, query: null };
      const { protocol, host, hostname, port, pathname, search, hash, href } = url;
      const query = withQuery ? load('querystring').parse(search.slice(1)) : search.slice(1) || null;
      return { protocol, host, hostname, port: port || null, pathname, search: search || null, query, hash: hash || null,
        path: pathname + search, href };
    },
    format: (value) => (typeof value === 'string' || value instanceof URL ? String(value)
      : `${value.protocol ? value.protocol.replace(/:?$/, '://') : ''}${value.host ?? value.hostname ?? ''}${value.pathname ?? ''}${value.search ?? ''}${value.hash ?? ''}`),
    resolve: (from, to) => new URL(to, from).href,
  };
})
