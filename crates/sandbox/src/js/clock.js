// A clock that stands still.
(function ({ define }) {
  return ({ fixed }) => {
    const Real = Date;
    const Shown = new Proxy(Real, {
      construct: (_, values, target) =>
        Reflect.construct(Real, values.length ? values : [fixed], target === Shown ? Real : target),
      apply: () => new Real(fixed).toString(),
      get: (_, name) => (name === 'now' ? () => fixed : Real[name]),
    });
    Real.prototype.constructor = Shown;
    define(globalThis, 'Date', Shown);
  };
})
