// The Node.js runtime of an execution environment: it takes invocations from the Runtime API and calls the handler. It is no ES
// module, as the loader of those takes 8 ms to come up, which most functions have no use for.

'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const util = require('node:util');
const { Writable } = require('node:stream');
const nodeModule = require('node:module');
const { pathToFileURL } = require('node:url');

const { createRequire } = nodeModule;

process.mainModule = undefined; // AWS's is one, so that the function's code sees no main module

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const task = process.env.LAMBDA_TASK_ROOT;
const json = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';

let requestId;

// Log records are framed, so that one of many lines stays one event.
function record(text) {
  const body = Buffer.from(text);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0xa55a0003, 0);
  head.writeUInt32BE(body.length, 4);
  head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  try {
    fs.writeSync(1, Buffer.concat([head, body]));
  } catch {
    // a full disk must not fail the function
  }
}

const levels = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };
const least = json ? levels[process.env.AWS_LAMBDA_LOG_LEVEL] ?? levels.INFO : 0;

function log(level, args) {
  if (levels[level] < least) return;
  const time = new Date().toISOString();
  if (!json) {
    record(`${time}\t${requestId}\t${level}\t${util.format(...args)}\n`);
    return;
  }
  const entry = { timestamp: time, level, requestId, message: args.length === 1 ? args[0] : util.format(...args) };
  const error = args.length > 1 && args.find((a) => a instanceof Error);
  if (error) Object.assign(entry, { errorType: error.constructor.name, errorMessage: error.message, stackTrace: frames(error) });
  const plain = (key, a) => (a instanceof Error ? { errorType: a.constructor.name, errorMessage: a.message, stackTrace: frames(a), ...a } : a);
  let line;
  try {
    line = JSON.stringify(entry, plain);
  } catch {
    line = JSON.stringify({ ...entry, message: util.format(...args) }); // it goes round in circles, or holds a BigInt
  }
  record(`${line}\n`);
}

const frames = (error) => (error.stack ?? '').split('\n');

// fail logs an error that ends an invocation or an init.
function fail(title, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(thrown);
  if (json) {
    log('ERROR', [error]);
    return;
  }
  const plain = (key, a) => (a instanceof Error ? { errorType: a.name, errorMessage: a.message, code: a.code, ...a, stack: frames(a) } : a);
  let text;
  try {
    text = JSON.stringify(error, plain);
  } catch { // what it carries cannot be shown
    text = JSON.stringify({ errorType: error.name, errorMessage: error.message, stack: frames(error) });
  }
  log('ERROR', [title, `\t${text}`]);
}

for (const [name, level] of Object.entries({ log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR', trace: 'TRACE' })) {
  console[name] = (...args) => log(level, args);
}
console.fatal = (...args) => log('FATAL', args);

// A connection to the Runtime API, for one call at a time: HTTP as far as its server speaks it, in a third of the time that
// node:http takes. Between calls it keeps no event loop alive.
class Connection {
  constructor() {
    this.pieces = [];
    this.size = 0;
    this.socket = net.connect({ host, port: Number(port), noDelay: true });
    this.socket.on('data', (piece) => this.take(piece));
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('close', () => this.end(new Error('the Runtime API has closed the connection')));
  }

  // call gives the answer's headers, their names in lower case, and its body.
  call(method, where, headers, body) {
    this.socket.ref();
    const answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    const head = `${method} /2018-06-01/runtime/${where} HTTP/1.1\r\nHost: ${host}:${port}\r\n${headers}`;
    if (body === undefined) {
      this.socket.write(`${head}\r\n`, 'latin1');
    } else {
      this.socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    }
    return answer;
  }

  take(piece) {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.headers === undefined) {
      const all = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces);
      this.pieces = [all];
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.headers = {};
      const [, ...lines] = all.latin1Slice(0, end).split('\r\n');
      for (const line of lines) {
        const colon = line.indexOf(':');
        this.headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
      }
      this.start = end + 4;
      this.whole = this.start + Number(this.headers['content-length'] ?? 0);
    }
    if (this.size < this.whole) return;
    const all = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
    const { headers, resolve, start } = this;
    this.resolve = this.reject = this.headers = undefined;
    this.pieces = [];
    this.size = 0;
    this.socket.unref();
    resolve({ headers, body: all.subarray(start) });
  }

  end(error) {
    if (connection === this) connection = undefined;
    this.reject?.(error);
  }
}

let connection;

function call(method, where, headers = '', body) {
  connection ??= new Connection();
  return connection.call(method, where, headers, body);
}

function errorObject(error) {
  if (error instanceof Error || util.types.isNativeError(error)) return { errorType: error.name, errorMessage: error.message, trace: frames(error) };
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

// post tells of an error, by a connection of its own.
async function post(where, object) {
  const own = new Connection();
  try {
    return await own.call('POST', where, `Lambda-Runtime-Function-Error-Type: ${printable(object.errorType)}\r\n`, JSON.stringify(object));
  } finally {
    own.socket.destroy();
  }
}

// printable is what a header may hold of a text.
const printable = (text) => String(text).replace(/[^\t -~]/g, '?');

// An error of the runtime's own. Its name is not its own property, as the log shows those; its stack is that of the error behind it.
class RuntimeError extends Error {
  constructor(type, message, cause) {
    super(message);
    const stack = [`${type}: ${message}`, ...frames(cause ?? this).filter((line) => /^ {4}at /.test(line))].join('\n');
    for (const [name, value] of Object.entries({ name: type, stack })) Object.defineProperty(this, name, { value, enumerable: false, writable: true });
  }
}

// Where CommonJS looks in NODE_PATH, for layers and AWS's SDK, AWS's runtimes have ES modules look, too.
const searching = (parents) => {
  const missing = (specifier, error) => error.code === 'ERR_MODULE_NOT_FOUND' && /^[@\w][^:]*$/.test(specifier);
  return {
    sync(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!missing(specifier, error)) throw error;
        for (const parentURL of parents) {
          try {
            return next(specifier, { ...context, parentURL });
          } catch {
            // the next place may have it
          }
        }
        throw error;
      }
    },
    async async(specifier, context, next) {
      try {
        return await next(specifier, context);
      } catch (error) {
        if (!missing(specifier, error)) throw error;
        for (const parentURL of parents) {
          try {
            return await next(specifier, { ...context, parentURL });
          } catch {
            // the next place may have it
          }
        }
        throw error;
      }
    },
  };
};

let searched = false;

function searchNodePath() {
  const places = (process.env.NODE_PATH ?? '').split(':').filter((d) => path.basename(d) === 'node_modules' && fs.existsSync(d));
  if (searched || places.length === 0) return;
  searched = true;
  const parents = places.map((d) => pathToFileURL(path.join(path.dirname(d), 'x.mjs')).href);
  if (nodeModule.registerHooks) {
    nodeModule.registerHooks({ resolve: searching(parents).sync });
  } else if (nodeModule.register) { // before Node 22.15, on a thread of its own
    const source = `const searching = ${searching}; export const resolve = searching(${JSON.stringify(parents)}).async;`;
    nodeModule.register(`data:text/javascript,${encodeURIComponent(source)}`);
  }
}

// typeOf is the type of modules that the nearest package.json says.
function typeOf(dir) {
  try {
    return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type;
  } catch {
    return dir === path.dirname(dir) ? undefined : typeOf(path.dirname(dir));
  }
}

async function load(name) {
  const file = path.basename(name);
  const parts = file.match(/^([^.]*)\.(.+)$/);
  if (!parts) throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler');
  const base = path.resolve(task, path.dirname(name), parts[1]);
  const found = ['', '.js', '.mjs', '.cjs'].map((e) => base + e).find((p) => fs.existsSync(p) && fs.statSync(p).isFile());
  let module;
  try {
    if (!found) {
      createRequire(path.join(task, 'x.js'))(base.startsWith(task) ? path.join(path.dirname(name), parts[1]).replace(/^(?!\.)/, './') : base);
    }
    if (found.endsWith('.mjs') || (found.endsWith('.js') && typeOf(path.dirname(found)) === 'module')) {
      searchNodePath();
      module = await import(pathToFileURL(found).href);
    } else {
      module = createRequire(found)(found);
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('Runtime.UserCodeSyntaxError', String(error), error);
    if (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND') {
      throw new RuntimeError('Runtime.ImportModuleError', String(error), error);
    }
    throw error;
  }
  let handler = module;
  for (const key of parts[2].split('.')) handler = handler?.[key] ?? handler?.default?.[key];
  if (handler === undefined) throw new RuntimeError('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new RuntimeError('Runtime.HandlerNotFound', `${name} is not a function`);
  if (Number(process.env.AWS_EXECUTION_ENV?.match(/nodejs(\d+)/)?.[1]) >= 24 && handler.length >= 3 && !handler[streaming]) {
    throw new RuntimeError('Runtime.CallbackHandlerDeprecated', 'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.');
  }
  return handler;
}

function contextOf(headers, done) {
  const parse = (text) => (text ? JSON.parse(text) : undefined);
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(headers['lambda-runtime-client-context']),
    identity: parse(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (error, result) => done(error, result),
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? 'handled'),
  };
}

let pending; // what to call when the event loop has nothing left to do

process.on('beforeExit', () => {
  const drained = pending;
  pending = undefined;
  if (drained) drained();
  else process.exitCode ??= 13; // a module waits for what never comes: Node.js ends so where its main module does
});

function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => {
      pending = undefined;
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    };
    const context = contextOf(headers, done);
    const callback = (error, result) => {
      if (context.callbackWaitsForEmptyEventLoop) pending = () => done(error, result);
      else done(error, result);
    };
    pending = () => done(); // nobody will call back any more
    const result = handler(event, context, callback);
    if (typeof result?.then !== 'function') return;
    pending = () => {
      const stuck = new RuntimeError('Runtime.NodeJsExit', 'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes');
      done(stuck);
    };
    result.then((value) => done(null, value), (error) => done(error ?? 'handled'));
  });
}

// Streaming: awslambda.streamifyResponse marks a handler that writes its answer to a stream.
const streaming = Symbol.for('aws.lambda.runtime.handler.streaming');

let agent;

class ResponseStream extends Writable {
  constructor(id) {
    super({ highWaterMark: 64 * 1024 });
    this.id = id;
    this.kind = 'application/octet-stream';
  }

  setContentType(kind) {
    this.kind = kind;
  }

  open() {
    if (this.request) return;
    const http = require('node:http');
    agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.done = new Promise((resolve, reject) => {
      this.request = http.request({
        host, port, agent, method: 'POST', path: `/2018-06-01/runtime/invocation/${this.id}/response`,
        headers: {
          'Content-Type': this.kind, 'Lambda-Runtime-Function-Response-Mode': 'streaming', 'Transfer-Encoding': 'chunked',
          Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
        },
      }, (response) => {
        response.resume();
        response.on('end', resolve);
      });
      this.request.on('error', reject);
    });
    this.request.flushHeaders();
  }

  _write(chunk, encoding, callback) {
    this.open();
    this.request.write(chunk, callback);
  }

  _final(callback) {
    this.open();
    this.request.end(callback);
  }

  async break(object) {
    this.open();
    this.request.addTrailers({
      'Lambda-Runtime-Function-Error-Type': object.errorType,
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(object)).toString('base64'),
    });
    this.request.end();
    await this.done;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[streaming] = options ?? {};
    return handler;
  },
  HttpResponseStream: {
    from(stream, metadata) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.write(JSON.stringify(metadata ?? {}));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

async function stream(handler, event, headers) {
  const out = new ResponseStream(requestId);
  try {
    const finished = new Promise((resolve, reject) => {
      out.once('finish', resolve);
      out.once('error', reject);
    });
    finished.catch(() => {});
    await handler(event, out, contextOf(headers, () => {}));
    if (!out.writableEnded) out.end();
    await finished;
    await out.done;
  } catch (error) {
    const object = errorObject(error);
    fail('Invoke Error', error);
    if (out.request) await out.break(object);
    else await post(`invocation/${requestId}/error`, object);
  }
}

// loop serves invocations, or rounds of exercise, which the adapter answers as it hands out invocations.
async function loop(handler, rounds) {
  for (let round = 0; round !== rounds; round++) {
    const next = rounds ? await call('POST', 'wait', '', '{"a":[1,"b"]}') : await call('GET', 'invocation/next');
    requestId = next.headers['lambda-runtime-aws-request-id'];
    const trace = next.headers['lambda-runtime-trace-id'];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
    if (handler[streaming]) {
      await stream(handler, JSON.parse(next.body.toString()), next.headers);
      continue;
    }
    let body;
    try {
      const result = await run(handler, JSON.parse(next.body.toString()), next.headers);
      body = JSON.stringify(result === undefined ? null : result) ?? 'null';
    } catch (error) {
      const object = errorObject(error);
      fail('Invoke Error', error);
      pending = undefined;
      await post(`invocation/${requestId}/error`, object);
      continue;
    }
    pending = undefined;
    await call('POST', rounds ? 'wait' : `invocation/${requestId}/response`, '', body);
  }
}

async function fatal(title, status, error) {
  fail(title, error);
  try {
    await post(requestId ? `invocation/${requestId}/error` : 'init/error', errorObject(error));
  } finally {
    process.exit(status);
  }
}

process.on('uncaughtException', (error) => fatal('Uncaught Exception', 129, error));
process.on('unhandledRejection', (reason, promise) => {
  fatal('Unhandled Promise Rejection', 128, Object.assign(new RuntimeError('Runtime.UnhandledPromiseRejection', String(reason)), { reason, promise }));
});

// rehearse goes through what is done for a function, with one of nothing, so that it is compiled and in memory, and loads what
// functions often ask the runtime for.
async function rehearse() {
  for (const name of ['node:crypto', 'node:dns', 'node:https', 'node:os', 'node:stream/promises', 'node:zlib']) require(name);
  await import(pathToFileURL(path.join(__dirname, 'module.mjs')).href);
  const name = path.relative(task, path.join(__dirname, 'ahead'));
  for (let i = 0; i < 8; i++) {
    await loop(await load(`${name}.handler`), 2);
    delete require.cache[path.join(__dirname, 'ahead.cjs')];
  }
  requestId = undefined;
}

async function main() {
  // A process that was started ahead asks before it reads the function's code, and learns what it could not know.
  if (process.env._ANTHILL_WAITS) {
    delete process.env._ANTHILL_WAITS;
    await rehearse();
    const word = await call('GET', 'wait');
    Object.assign(process.env, JSON.parse(word.body.toString()));
  }
  try {
    await loop(await load(process.env._HANDLER));
  } catch (error) {
    fail('Uncaught Exception', error);
    await post('init/error', errorObject(error));
    process.exit(1);
  }
}

main();
