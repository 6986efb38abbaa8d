"""The Python runtime of an execution environment.

It speaks length-prefixed frames with the platform over one Unix stream socket. It outlives the platform: an outcome that
could not be delivered is kept, and resent over the fresh socket that the supervisor passes on the control socket.

Frame, big endian: u32 length of what follows, u8 type, u64 invocation number, payload.
"""

import importlib
import json
import logging
import mmap
import os
import resource
import socket
import struct
import sys
import threading
import time
import traceback

HELLO, INIT_DONE, INIT_ERROR, INVOKE, RESPONSE, ERROR, ACK, LEARNED = 1, 2, 3, 4, 5, 6, 7, 8
FAST = 1000 * 1000  # ns; what takes no longer has its memory looked at now and then only
SLOW = 20 * 1000 * 1000  # ns; what takes longer may teach the template
HEAD = struct.Struct("!IBQ")
INIT_TIMES = struct.Struct("!QQQ")  # init begin and end in ns, maximum resident set in KiB
OUTCOME = struct.Struct("!IBQQQQ")  # the head of a frame, and handler entered and returned in ns, maximum resident set in KiB
INVOCATION = struct.Struct("!IBQH")  # the head of a frame, and the length of the NUL-separated head of an invocation

# The state page: u32 state, u32 padding, u64 number, u64 received ns, u64 deadline ms, u16 length, request id.
PAGE = struct.Struct("<QQQH")
STARTING, IDLE, RUNNING, KEPT = b"\0\0\0\0", b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0"

REHEARSAL = b"00000000-0000-0000-0000-000000000000\x000\0arn:\0\0\0"  # the head of an invocation of nothing
REHEARSAL = struct.pack("!H", len(REHEARSAL)) + REHEARSAL + b'{"a": [1, 2.5, "b"]}'

MAX_RESPONSE = 6 * 1024 * 1024 + 100

INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, "
    "a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates "
    "can be triggered by a function change, or can be applied automatically. To determine if the runtime has been updated, "
    "check the runtime version in the INIT_START log entry. If this error correlates with a change in the runtime version, "
    "you may be able to mitigate this error by temporarily rolling back to the previous runtime version. For more "
    "information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


class Fault(Exception):
    """An error of the function that the runtime itself names."""

    def __init__(self, kind, message, trace=None):
        Exception.__init__(self, message)
        self.kind, self.message, self.trace = kind, message, trace


def error_object(message, kind, trace=None, request_id=None):
    return {
        "errorMessage": message or "",
        "errorType": kind or "",
        "requestId": request_id or "",
        "stackTrace": trace or [],
    }


def max_rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# --------------------------------------------------------------------------------------------------- output


class Framed:
    """Writes records to the log file in AWS's framing, so that a record of many lines stays one event."""

    TEXT = 0xA55A0003
    head = struct.Struct("!IIQ")

    def __init__(self, fd):
        self.fd = fd

    def write(self, data):
        record = self.head.pack(self.TEXT, len(data), time.time_ns() // 1000) + data
        try:
            while record:
                record = record[os.write(self.fd, record):]
        except OSError:
            pass  # a full disk must not fail the function


class Lines:
    """The binary side of sys.stdout: every complete line becomes a record with the time at which it was printed."""

    def __init__(self, sink, fd):
        self.sink, self.fd, self.part = sink, fd, b""
        self.lock = threading.RLock()
        self.mode, self.name, self.closed = "wb", "<stdout>" if fd == 1 else "<stderr>", False

    def write(self, data):
        data = bytes(data)
        with self.lock:
            if self.part:
                whole, self.part = self.part + data, b""
            else:
                whole = data
            if whole.count(b"\n") == 1 and whole.endswith(b"\n"):
                self.sink.write(whole)
                return len(data)
            lines = whole.split(b"\n")
            self.part = lines.pop()
            for line in lines:
                self.sink.write(line + b"\n")
            if len(self.part) > 65536:
                self.end()
        return len(data)

    def end(self):
        with self.lock:
            if self.part:
                part, self.part = self.part, b""
                self.sink.write(part + b"\n")

    def flush(self):
        pass

    def close(self):
        pass

    def fileno(self):
        return self.fd

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True

    def seekable(self):
        return False


def take_output():
    import io

    sink = Framed(1)
    outs = []
    for fd, name in ((1, "stdout"), (2, "stderr")):
        lines = Lines(sink, fd)
        stream = io.TextIOWrapper(lines, encoding="utf-8", errors="backslashreplace", write_through=True)
        stream.mode = "w"
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)
        outs.append(lines)
    return sink, outs


LOG_LEVELS = {"TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING,
              "ERROR": logging.ERROR, "FATAL": logging.CRITICAL}


class LogHandler(logging.Handler):
    """What the root logger writes to."""

    def __init__(self, sink):
        logging.Handler.__init__(self)
        self.sink = sink

    def emit(self, record):
        try:
            self.sink.write(self.format(record).encode("utf-8", "backslashreplace"))
        except Exception:
            self.handleError(record)


class RequestFilter(logging.Filter):
    def __init__(self, runtime):
        logging.Filter.__init__(self)
        self.runtime = runtime

    def filter(self, record):
        record.aws_request_id = self.runtime.request_id
        return True


class TextFormatter(logging.Formatter):
    converter = time.gmtime

    def __init__(self):
        logging.Formatter.__init__(self, "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                                   "%Y-%m-%dT%H:%M:%S")


class JsonFormatter(logging.Formatter):
    STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "aws_request_id",
                                                                                 "taskName"}

    def format(self, record):
        out = {"timestamp": timestamp(record.created), "level": record.levelname, "message": record.getMessage(),
               "logger": record.name, "stackTrace": None, "errorType": None, "errorMessage": None,
               "requestId": record.aws_request_id, "location": None}
        if record.exc_info and record.exc_info[0]:
            kind, value, trace = record.exc_info
            out["errorType"], out["errorMessage"] = kind.__name__, str(value)
            out["stackTrace"] = traceback.format_list(traceback.extract_tb(trace))
            out["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
        for key, value in vars(record).items():
            if key not in self.STANDARD and key not in out:
                out[key] = value
        return json.dumps({k: v for k, v in out.items() if v is not None}, default=str, ensure_ascii=False) + "\n"


def timestamp(seconds=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def set_up_logging(runtime):
    as_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
    handler = LogHandler(runtime.sink)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    handler.addFilter(RequestFilter(runtime))
    logging.addLevelName(logging.DEBUG - 5, "TRACE")
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    if as_json or level:
        root.setLevel(LOG_LEVELS.get(level.upper(), logging.INFO))
    return as_json


NBSP = "\u00a0"


def log_error(runtime, error):
    """Writes an error object to the log as AWS does; indentation becomes no-break spaces, which CloudWatch keeps."""
    if runtime.json_logs:
        record = {"timestamp": timestamp(), "log_level": "ERROR"}
        record.update(error)
        runtime.sink.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        return
    first = "[ERROR]"
    if error["errorType"]:
        first += " " + error["errorType"]
    if error["errorMessage"]:
        first += (": " if error["errorType"] else " ") + error["errorMessage"]
    lines = [first, "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines() or [""]:
            bare = line.lstrip(" ")
            lines.append(NBSP * (len(line) - len(bare)) + bare)
    runtime.sink.write(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))


# --------------------------------------------------------------------------------------------------- context


class Record:
    """An object whose fields are given by name; absent ones are None."""

    fields = ()

    def __init__(self, values=None):
        for field in self.fields:
            setattr(self, field, (values or {}).get(field))


class Client(Record):
    fields = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(Record):
    __slots__ = ("custom", "env", "client")
    fields = ("custom", "env", "client")

    def __init__(self, values):
        Record.__init__(self, values)
        self.client = Client(values["client"]) if values.get("client") is not None else None


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")


class LambdaContext:
    """Made by Runtime.invoke."""

    @staticmethod
    def fixed():
        """What is the same for every invocation of an environment. Looking it up each time would cost several µs."""
        env = os.environ.get
        return {"aws_request_id": None, "log_group_name": env("AWS_LAMBDA_LOG_GROUP_NAME"), "log_stream_name": env("AWS_LAMBDA_LOG_STREAM_NAME"),
                "function_name": env("AWS_LAMBDA_FUNCTION_NAME"), "memory_limit_in_mb": env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
                "function_version": env("AWS_LAMBDA_FUNCTION_VERSION"), "invoked_function_arn": None, "tenant_id": None,
                "client_context": None, "identity": CognitoIdentity({})}

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        names = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
                 "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id")
        return "LambdaContext([%s])" % ",".join("%s=%s" % (n, getattr(self, n)) for n in names)


# --------------------------------------------------------------------------------------------------- handler


def load_handler(handler):
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as e:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, e))
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, e))
    except SyntaxError as e:
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e),
                    ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)])
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def fault_of(runtime, info, request_id=None):
    """The error object of an exception, without the runtime's own frames at its head."""
    kind, value, trace = info
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(trace)]
    for i, frame in enumerate(frames):
        if frame[0] != __file__:
            frames = frames[i:]
            break
    frames = [(runtime.shown(f[0]),) + f[1:] for f in frames]
    return error_object(str(value), kind.__name__, traceback.format_list(frames), request_id)


scan_once = json.JSONDecoder().scan_once
time_ns = time.time_ns
new = object.__new__


class Encoder:
    """json.dumps with what AWS's encoder adds: Decimal as a plain number, bytes as text."""

    def __init__(self, ensure_ascii):
        self.ensure_ascii = ensure_ascii
        self.make()

    def make(self):
        from json import encoder

        plain = json.JSONEncoder(ensure_ascii=self.ensure_ascii)
        self.dumps = plain.encode
        self.chunks = None
        if encoder.c_make_encoder:  # made once instead of for every answer
            text = encoder.encode_basestring_ascii if self.ensure_ascii else encoder.encode_basestring
            self.chunks = encoder.c_make_encoder({}, plain.default, text, None, ": ", ", ", False, False, True)

    def encode(self, value):
        try:
            if self.chunks is not None and isinstance(value, (dict, list)):
                return "".join(self.chunks(value, 0))
            return self.dumps(value)
        except TypeError:
            self.make()  # what it was in the middle of stays noted in it
            return self.encode_odd(value)
        except BaseException:
            self.make()
            raise

    def encode_odd(self, value):
        from decimal import Decimal

        mark = "\ufdd0" + os.urandom(8).hex()
        numbers = []

        def default(o):
            if isinstance(o, Decimal):
                numbers.append(str(o))
                return "%s%d%s" % (mark, len(numbers) - 1, mark)
            if isinstance(o, (bytes, bytearray)):
                return bytes(o).decode("utf-8")
            raise TypeError("Object of type %s is not JSON serializable" % type(o).__name__)

        text = json.dumps(value, default=default, ensure_ascii=self.ensure_ascii)
        if numbers:
            import re

            escaped = re.escape(json.dumps(mark, ensure_ascii=self.ensure_ascii)[1:-1])
            text = re.sub('"%s(\\d+)%s"' % (escaped, escaped), lambda m: numbers[int(m.group(1))], text)
        return text


# --------------------------------------------------------------------------------------------------- runtime


class Runtime:
    """One environment: its sockets, its state page, its handler, and its last outcome."""

    def __init__(self, job):
        self.job = job
        self.request_id = None
        self.trace = b""
        self.number = 0
        self.kept = None
        self.rss = 0
        self.buffer = b""
        self.sink = None
        self.begin_again(job.get("learn"))

    def begin_again(self, learn):
        """Init begins now, whenever the process did. learn says that the modules it imports are to be told."""
        self.learn = learn
        self.before = frozenset(sys.modules) if learn else ()
        self.begin = time.time_ns()

    def attach(self, data, control, page):
        """Takes the descriptors that the supervisor gave."""
        self.data = socket.socket(fileno=data)
        self.control = socket.socket(fileno=control)
        for fd in (data, control, page):
            os.set_inheritable(fd, False)
        self.page = mmap.mmap(page, 4096)
        os.close(page)

    def shown(self, path):
        """A path as functions know it, where the machine could not put the code in its place."""
        real = self.job["task"]
        if real != "/var/task" and path.startswith(real + "/"):
            return "/var/task" + path[len(real):]
        return path

    def set_state(self, state):
        self.page[0:4] = state

    # Frames

    def send(self, kind, number, payload):
        self.data.sendall(HEAD.pack(9 + len(payload), kind, number) + payload)

    def receive(self):
        """The next frame of the current socket, whole and with its head, or None when the platform is gone."""
        try:
            data = self.buffer or self.data.recv(16384)
            while 0 < len(data) < 13:
                more = self.data.recv(65536)
                if not more:
                    return None
                data += more
            if not data:
                return None
            end = 4 + HEAD.unpack_from(data)[0]
            if len(data) == end:
                self.buffer = b""
                return data
            if len(data) < end:
                whole = bytearray(end)
                whole[:len(data)] = data
                view, at = memoryview(whole), len(data)
                while at < end:
                    n = self.data.recv_into(view[at:])
                    if n == 0:
                        return None
                    at += n
                view.release()
                data = bytes(whole)
            self.buffer = data[end:]
            return data[:end]
        except OSError:
            return None

    def next_platform(self):
        """Waits for the socket of the next platform, greets it and gives it what is kept."""
        self.data.close()
        self.buffer = b""
        while True:
            try:
                message, fds = receive_fd(self.control)
            except OSError:
                os._exit(1)
            if not message:
                os._exit(1)  # the supervisor is gone, and with it everybody who could ask for the outcome
            if fds:
                break
        self.data = socket.socket(fileno=fds[0])
        os.set_inheritable(fds[0], False)
        try:
            self.send(HELLO, self.number, (self.request_id or "").encode() if self.kept else b"")
            if self.kept:
                self.data.sendall(self.kept)
        except OSError:
            pass  # the loop finds out

    def answer(self, kind, entered, returned, payload):
        if returned - entered > FAST or self.number & 63 == 1:
            self.rss = max_rss()
        self.kept = kept = OUTCOME.pack(33 + len(payload), kind, self.number, entered, returned, self.rss) + payload
        self.page[0:4] = KEPT
        try:
            n = self.data.send(kept)
            if n != len(kept):
                self.data.sendall(memoryview(kept)[n:])
        except OSError:
            pass  # kept for the next platform

    # Phases

    def init(self):
        error = self.load()
        if error:
            self.fail_init(error)

    def set_up(self):
        """What init does before the function's code: it is the same in all environments, and may be done ahead of them."""
        self.sink, self.outputs = take_output()
        self.json_logs = set_up_logging(self)
        self.encoder = Encoder(self.job["ensure_ascii"])

    def load(self):
        """Loads the handler. It gives the error object of a failure, which is in the log then."""
        if self.sink is None:
            self.set_up()
        self.fixed = LambdaContext.fixed()
        try:
            self.handler = load_handler(os.environ["_HANDLER"])
            return None
        except Fault as e:
            error = error_object(e.message, e.kind, e.trace and [self.shown_text(t) for t in e.trace])
        except Exception:
            error = fault_of(self, sys.exc_info())
        self.sink.write(INIT_WARNING.encode())
        log_error(self, error)
        return error

    def rehearse(self):
        """Goes through an invocation of nothing. A copy of a process shares its memory until it writes there; what every
        invocation writes to becomes this process's own ahead of the first."""
        kept = dict(vars(self))
        self.data, other = socket.socketpair()
        with self.data, other:
            self.page = bytearray(4096)
            self.fixed = LambdaContext.fixed()
            self.handler = lambda event, context: {"statusCode": 200, "body": json.dumps(event)}
            self.before = ()
            other.sendall(HEAD.pack(9 + len(REHEARSAL), INVOKE, 1) + REHEARSAL)
            self.invoke(self.receive())
            self.end_lines()
            self.learned()
            INIT_TIMES.pack(time.time_ns(), time.time_ns(), max_rss())
            other.recv(65536)
        compile("import os\ndef handler(event, context):\n    return {}\n", "rehearsal", "exec")
        self.__dict__.clear()
        self.__dict__.update(kept)

    # Snapshots: hooks in the order of AWS, the last registered first before a snapshot, the first one first after a restore.

    def before_snapshot(self):
        hooks = getattr(sys.modules.get("snapshot_restore_py"), "_before", [])
        return self.run_hooks(reversed(hooks), "Runtime.BeforeSnapshotError")

    def restored(self, data, control, page):
        """Goes on in a copy of a process that has run its init."""
        self.begin = time.time_ns()
        self.attach(data, control, page)
        hooks = getattr(sys.modules.get("snapshot_restore_py"), "_after", [])
        error = self.run_hooks(hooks, "Runtime.AfterRestoreError")
        if error:
            self.fail_init(error)
        self.ready()
        self.loop()

    def run_hooks(self, hooks, kind):
        try:
            for func, args, kwargs in hooks:
                func(*args, **kwargs)
        except Exception:
            error = fault_of(self, sys.exc_info())
            error["errorType"] = kind
            log_error(self, error)
            return error
        return None

    def shown_text(self, text):
        return text.replace(self.job["task"] + "/", "/var/task/")

    def fail_init(self, error):
        payload = json.dumps(error, ensure_ascii=self.job["ensure_ascii"]).encode("utf-8", "backslashreplace")
        try:
            self.send(INIT_ERROR, 0, INIT_TIMES.pack(self.begin, time.time_ns(), max_rss()) + payload)
        except OSError:
            pass
        sys.exit(1)

    def ready(self):
        self.end_lines()
        self.set_state(IDLE)
        try:
            self.send(INIT_DONE, 0, INIT_TIMES.pack(self.begin, time.time_ns(), max_rss()) + self.learned())
        except OSError:
            pass

    def learned(self):
        """The modules that init brought into memory and that a template may hold: those that are not the user's own."""
        if not self.learn:
            return b""
        # Mostly the handler's module alone is new. Every start looks, as long as there was nothing to learn.
        handler = os.environ.get("_HANDLER", "").rpartition(".")[0].replace("/", ".")
        new = [n for n in list(sys.modules) if n not in self.before and n != handler]
        if not new:
            return b""
        import zygote_modules

        return "\n".join(zygote_modules.libraries(self.job["task"], new)).encode()

    def end_lines(self):
        for lines in self.outputs:
            if lines.part:
                lines.end()

    def loop(self):
        while True:
            frame = self.receive()
            if frame is None:
                self.next_platform()
                continue
            kind = frame[4]
            if kind == INVOKE:
                self.invoke(frame)
            elif kind == ACK:
                self.kept = None
                self.set_state(IDLE)

    def invoke(self, frame):
        """Serves one invocation. What each of them takes is spelled out here: between invocations the processor's caches
        go cold, and then every function and object more that is touched costs its share of a small invocation."""
        self.kept = None
        _, _, self.number, at = INVOCATION.unpack_from(frame)
        at += 15
        name, deadline, arn, trace, client_context, identity = frame[15:at].split(b"\0")
        self.request_id = request_id = name.decode()
        deadline = int(deadline)
        noted = PAGE.pack(self.number, time_ns(), deadline, len(name)) + name
        page = self.page
        page[8:8 + len(noted)] = noted
        page[0:4] = RUNNING
        if trace != self.trace:
            self.trace = trace
            if trace:
                os.environb[b"_X_AMZN_TRACE_ID"] = trace
            else:
                os.environ.pop("_X_AMZN_TRACE_ID", None)
        entered = returned = 0
        try:
            try:
                text = frame[at:].decode("utf-8", "surrogatepass")
                try:
                    event, end = scan_once(text, 0)  # json.loads looks at the encoding first, for as long as this takes
                except StopIteration:
                    end = -1
                if end != len(text):
                    event = json.loads(text)  # it knows spaces around, and what is wrong
            except Exception as e:
                raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e)
            context = new(LambdaContext)
            context.__dict__ = own = self.fixed.copy()
            own["aws_request_id"] = request_id
            own["invoked_function_arn"] = arn.decode()
            own["_epoch_deadline_time_in_ms"] = deadline
            if client_context or identity:
                self.describe_client(own, client_context, identity)
            entered = time_ns()
            try:
                result = self.handler(event, context)
            finally:
                returned = time_ns()
            answer = self.marshal(result)
            kind = RESPONSE
        except Fault as e:
            error = error_object(e.message, e.kind, e.trace, request_id)
            kind, answer = ERROR, self.failed(error)
        except Exception:
            error = fault_of(self, sys.exc_info(), request_id)
            kind, answer = ERROR, self.failed(error)
        out, err = self.outputs
        if out.part or err.part:
            self.end_lines()
        if self.before:
            self.teach(returned - entered)
        self.answer(kind, entered, returned, answer)

    def describe_client(self, own, client_context, identity):
        try:
            if client_context:
                own["client_context"] = ClientContext(json.loads(client_context))
            if identity:
                own["identity"] = CognitoIdentity(json.loads(identity))
        except Exception as e:
            raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to unmarshal context: %s" % e)

    def teach(self, took):
        """After its first invocation, which may have imported what init had not: handlers often load their model late."""
        if took > SLOW:
            modules = self.learned()
            if modules:
                try:
                    self.send(LEARNED, self.number, modules)
                except OSError:
                    pass
        self.before = ()

    def marshal(self, result):
        if isinstance(result, bytes):
            return result
        try:
            text = self.encoder.encode(result)
            data = text.encode()
        except Exception as e:
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % e)
        if len(data) > MAX_RESPONSE:
            # More than this is refused anyway: do not carry it over the socket.
            return data[:MAX_RESPONSE + 1]
        return data

    def failed(self, error):
        log_error(self, error)
        return error["errorType"].encode() + b"\0" + json.dumps(error, ensure_ascii=False).encode("utf-8", "backslashreplace")


def receive_fd(sock):
    message, ancillary, _, _ = sock.recvmsg(1 << 18, socket.CMSG_SPACE(16 * 4), getattr(socket, "MSG_CMSG_CLOEXEC", 0))
    fds = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.extend(struct.unpack("%di" % (len(data) // 4), data[:len(data) // 4 * 4]))
    return message, fds


def set_up_path(job):
    """The search path of AWS: the user's code, layers, the runtime, the standard library."""
    version = "python%d.%d" % sys.version_info[:2]
    named = "python" + job["identifier"].replace("python", "")
    standard = [p for p in sys.path if p and p != os.path.dirname(__file__) and p not in job["runtime"]]
    layers = []
    for opt in job["layers"]:
        for v in {named: 0, version: 0}:
            layers.append("%s/python/lib/%s/site-packages" % (opt, v))
        layers.append(opt + "/python")
    sys.path[:] = [job["task"]] + layers + job["runtime"] + [os.path.dirname(__file__)] + standard
    sys.argv = ["/var/runtime/bootstrap.py"]


def site_builtins():
    """The interpreter runs without site, so that the machine's own packages stay out; functions still get its builtins."""
    import site

    for add in ("setquit", "setcopyright", "sethelper"):
        getattr(site, add, lambda: None)()


def serve(data, control, page, job):
    """Runs an environment of its own process to its end."""
    runtime = Runtime(job)
    set_up_path(job)
    site_builtins()
    run(runtime, data, control, page)


def run(runtime, data, control, page):
    """Runs an environment from its init to its end."""
    runtime.attach(data, control, page)
    runtime.init()
    runtime.ready()
    runtime.loop()
