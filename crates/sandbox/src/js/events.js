// Node's `events`.
(function () {
  class EventEmitter {
    #listeners = new Map();
    #add(name, listener, isFirst) {
      const all = this.#listeners.get(name) ?? [];
      this.#listeners.set(name, isFirst ? [listener, ...all] : [...all, listener]);
      return this;
    }
    #once(name, listener) {
      const wrapped = (...values) => { this.off(name, wrapped); listener.apply(this, values); };
      wrapped.listener = listener;
      return wrapped;
    }
    on(name, listener) { return this.#add(name, listener, false); }
    addListener(name, listener) { return this.on(name, listener); }
    prependListener(name, listener) { return this.#add(name, listener, true); }
    once(name, listener) { return this.on(name, this.#once(name, listener)); }
    prependOnceListener(name, listener) { return this.prependListener(name, this.#once(name, listener)); }
    off(name, listener) {
      const all = [...(this.#listeners.get(name) ?? [])];
      const at = all.findLastIndex((one) => one === listener || one.listener === listener);
      if (at >= 0) all.splice(at, 1);
      this.#listeners.set(name, all);
      return this;
    }
    removeListener(name, listener) { return this.off(name, listener); }
    removeAllListeners(name) {
      if (name === undefined) this.#listeners.clear();
      else this.#listeners.delete(name);
      return this;
    }
    emit(name, ...values) {
      const all = this.#listeners.get(name) ?? [];
      if (!all.length && name === 'error') throw values[0] ?? new Error('Unhandled error.');
      for (const listener of all) listener.apply(this, values);
      return all.length > 0;
    }
    listeners(name) { return (this.#listeners.get(name) ?? []).map((one) => one.listener ?? one); }
    listenerCount(name) { return (this.#listeners.get(name) ?? []).length; }
    eventNames() { return [...this.#listeners].filter(([, all]) => all.length).map(([name]) => name); }
    setMaxListeners() { return this; }
  }
  const once = (emitter, name) => new Promise((resolve, reject) => {
    emitter.once(name, (...values) => resolve(values));
    if (name !== 'error') emitter.once('error', reject);
  });
  return Object.assign(EventEmitter, { EventEmitter, once });
})
