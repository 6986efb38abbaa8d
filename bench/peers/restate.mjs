// The chain of three trivial tasks on Restate: as steps of one handler, and as calls of another service. Each task gives
// the instants of its own entry and return, in nanoseconds since 1970.
Promise.withResolvers ??= function () { // Node before 22 lacks it
  let resolve, reject;
  const promise = new this((a, b) => { resolve = a; reject = b; });
  return { promise, resolve, reject };
};
const restate = await import("@restatedev/restate-sdk");
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1e6);
const stamp = () => { const entered = now(); return [entered, now()]; };
const task = restate.service({ name: "task", handlers: { step: async () => stamp() } });
const chain = restate.service({
  name: "chain",
  handlers: {
    steps: async (ctx) => {
      const s = [];
      for (let i = 0; i < 3; i++) s.push(await ctx.run("step" + i, stamp));
      return { s };
    },
    calls: async (ctx) => {
      const s = [];
      for (let i = 0; i < 3; i++) s.push(await ctx.serviceClient({ name: "task" }).step(i));
      return { s };
    },
  },
});
restate.serve({ services: [task, chain], port: Number(process.argv[2]) });
