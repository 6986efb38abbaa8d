package vtl_test

import (
	"errors"
	"strings"
	"testing"

	"anthill/gateways/vtl"
	"anthill/value"
)

func scope() map[string]any {
	return map[string]any{
		"body": vtl.Of(value.MustParse(`{"name":"ant","legs":6,"half":0.5,"one":1.0,"tags":["a","b"],"in":{"x":[1,{"y":2}]},"no":null,"yes":true}`)),
		"s":    "Hello, World",
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"plain text, 5$ and $5 and # and #hash", "plain text, 5$ and $5 and # and #hash"},
		{"$s|${s}|$!s|$!{s}!", "Hello, World|Hello, World|Hello, World|Hello, World!"},
		{"[$missing][$body.missing][${body.no}]", "[][][]"},
		{"$body.name has $body.legs legs, $body.half $body.one", "ant has 6 legs, 0.5 1.0"},
		{"$body.in", `{x=[1,{"y":2}]}`},
		{"$body.tags $body.tags[1] $body.tags.get(0) $body.tags.size()", `["a","b"] b a 2`},
		{"$body['name'] $body[\"legs\"] $body.get('name').length()", "ant 6 3"},
		{"a[b] $s[b]", "a[b] Hello, World[b]"},
		{"#set($x = 1)$x", "1"},
		{"  #set( $x = 1 )  \n$x\n", "1\n"},
		{"#set($x = $missing)[$x]", "[]"},
		{"#set($x = 1)#set($x = $missing)[$x]", "[1]"},
		{"#set($x = 'a $s')$x", "a $s"},
		{"#set($x = \"a $s\")$x", "a Hello, World"},
		{"#set($x = \"say \"\"hi\"\"\")$x", `say "hi"`},
		{"#set($m = {})#set($m.a = 1)#set($m['b c'] = 2)$m.put('d', 3)$m", "{a=1, b c=2, d=3}"},
		{"#set($m = {'k': [1, 2], \"l\": {'z': null}})$m.k.get(1) $m.l", "2 {z=null}"},
		{"#if($body.yes)Y#{else}N#end", "Y"},
		{"#if($body.name == 'bee')1#elseif($body.legs >= 6 && !$body.no)2#{else}3#end", "2"},
		{"#if($missing)1#else 3#end", " 3"},
		{"#if(1 == 1.0)same#end#if('1' == 1)text#end", "sametext"},
		{"#if(not $missing and $body.legs gt 5)ok#end", "ok"},
		{"#foreach($t in $body.tags)$foreach.index:$t#if($foreach.hasNext),#end#end", "0:a,1:b"},
		{"#foreach($k in $body.in.keySet())$k#end#foreach($e in $body.in.entrySet())$e.key=$e.value#end", "x" + `x=[1,{"y":2}]`},
		{"#foreach($i in [1..5])$i#if($i == 3)#break#end#end", "123"},
		{"#foreach($i in [3..1])$velocityCount$i #end", "13 22 31 "},
		{"#foreach($i in $missing)x#end.", "."},
		{"a#stop b", "a"},
		{"a ## gone\nb #* gone *#c #[[ $s #if ]]#", "a b c  $s #if "},
		{"\\$s \\#if \\$5 \\n", "$s #if \\$5 \\n"},
		{"#set($x = 7 / 2)#set($y = 7 % 4)#set($z = 1 + 2 * 3 - 1)$x $y $z", "3 3 6"},
		{"#set($x = 7.0 / 2)#set($y = 1 / 0)#set($z = 'n' + 1)$x [$y] $z", "3.5 [] n1"},
		{"$s.substring(7).toUpperCase() $s.indexOf('W') $s.replaceAll('(l+)', '<$1>') $s.split(', ').size()", "WORLD 7 He<ll>o, Wor<l>d 2"},
		{"$s.contains('World') $s.startsWith('x') $s.nothing() $s.equals('Hello, World')", "true false  true"},
		{"{\"a\": $body.legs}", `{"a": 6}`},
		{"<#if(true)\n  in\n#end\n>", "<  in\n>"},
	} {
		tm, err := vtl.Parse(c.template)
		if err != nil {
			t.Errorf("%q: %v", c.template, err)
			continue
		}
		got, err := tm.Render(scope())
		if err != nil || got != c.want {
			t.Errorf("%q\n gives %q, %v\n want  %q", c.template, got, err, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, s := range []string{"#if($x)", "#end", "#else", "#foreach($x in)#end", "#foreach(x in $y)#end", "#set($x)", "#set(1 = 2)", "#set($x.y() = 1)",
		"#set($x = 'a)", "#set($x = [1)", "#set($x = {'a'})", "#macro(x)#end", "#* never", "$x.y(", "#if(" + strings.Repeat("(", 500)} {
		if _, err := vtl.Parse(s); err == nil {
			t.Errorf("%.30q was accepted", s)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, s := range []string{
		"#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])x#end#end#end",
		"#set($s = 'aaaaaaaaaaaaaaaa')#foreach($i in [1..40])#set($s = $s.concat($s))#end",
		"#set($x = [1..100000000])",
	} {
		tm, err := vtl.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tm.Render(map[string]any{}); !errors.Is(err, vtl.ErrTooMuch) {
			t.Errorf("%.40q: %v", s, err)
		}
	}
	tm, _ := vtl.Parse("#set($m = {})$!m.put('m', $m)$m")
	if _, err := tm.Render(map[string]any{}); err != nil {
		t.Error(err)
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"$a.b('c')[1]", "#set($x = {'a': [1..3]})$x", "#if($a)b#elseif(!$c)d#else e#end", "#foreach($x in [1,2])$foreach.hasNext#end", "\\$a \\#if"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if tm, err := vtl.Parse(s); err == nil {
			tm.Render(scope())
		}
	})
}
