// Questions to the host: answered at once, or through a promise.
(function ({ host }) {
  const { stringify, parse } = JSON;
  const open = new Map();
  const failure = (value) => Object.assign(new Error(value.message), value);
  return {
    ask(question) {
      const [ok, value] = host.ask(stringify(question));
      if (!ok) throw failure(value);
      return value;
    },
    send: (question) => new Promise((resolve, reject) => open.set(host.send(stringify(question)), [resolve, reject])),
    settle(id, ok, text) {
      const [resolve, reject] = open.get(id);
      open.delete(id);
      const value = parse(text);
      if (ok) resolve(value);
      else reject(failure(value));
    },
  };
})
