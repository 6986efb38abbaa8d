package jsonata

// nativeFunc is a built-in: its arguments have passed the signature.
type nativeFunc func(ev *eval, in val, args []val) val

type builtinDef struct {
	name  string
	sig   string
	arity int // of the reference implementation: what $map and its kin hand over when they are given it
	run   nativeFunc
}

// arg is argument i, or undefined.
func arg(args []val, i int) val {
	if i < len(args) {
		return args[i]
	}
	return undefined
}

// strict wraps a function that is undefined when its first argument is.
func strict(run nativeFunc) nativeFunc {
	return func(ev *eval, in val, args []val) val {
		if arg(args, 0).undef() {
			return undefined
		}
		return run(ev, in, args)
	}
}

func builtinTable(defs ...[]builtinDef) map[string]val {
	table := map[string]val{}
	for _, family := range defs {
		for _, d := range family {
			f := &function{name: d.name, arity: d.arity, native: d.run}
			if d.sig != "" {
				sig, err := parseSignature(d.sig)
				if err != nil {
					panic(err)
				}
				f.sig = sig
			}
			table[d.name] = ofFunc(f)
		}
	}
	return table
}

// The two dialects' functions. The tables are never changed.
var (
	standardFunctions = builtinTable(stringFunctions(), numberFunctions(), arrayFunctions(), objectFunctions(), higherFunctions(),
		encodingFunctions(), timeFunctions(), evalFunctions())
	statesFunctions = builtinTable(stringFunctions(), numberFunctions(), arrayFunctions(), objectFunctions(), higherFunctions(),
		encodingFunctions(), timeFunctions(), awsFunctions())
)

func (c *compiler) builtin(name string) (val, bool) {
	v, ok := c.functions[name]
	return v, ok
}
