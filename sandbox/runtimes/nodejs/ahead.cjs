// Loaded while a process waits, so that what loads a function's code has been at work before.
module.exports = { handler: async (event) => event };
