// A clock that stands still, or starts elsewhere.
(function ({ host, define }) {
  return ({ fixed, from }) => {
    const Real = Date;
    const now = fixed === undefined ? () => Math.floor(from + host.elapsed()) : () => fixed;
    const Shown = new Proxy(Real, {
      construct: (_, values, target) =>
        Reflect.construct(Real, values.length ? values : [now()], target === Shown ? Real : target),
      apply: () => new Real(now()).toString(),
      get: (_, name) => (name === 'now' ? now : Real[name]),
    });
    Real.prototype.constructor = Shown;
    define(globalThis, 'Date', Shown);
  };
})
