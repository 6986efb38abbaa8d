// As ahead.cjs, of the other kind.
export const handler = async (event) => event;
