package jsonata

import (
	"math"
	"regexp"
	"strings"
	"time"
)

func timeFunctions() []builtinDef {
	return []builtinDef{
		{"now", "<s?s?:s>", 2, func(ev *eval, in val, args []val) val {
			return formatMillis(ev, ofNum(ev.millis()), arg(args, 0), arg(args, 1))
		}},
		{"millis", "<:n>", 0, func(ev *eval, in val, args []val) val { return ofNum(ev.millis()) }},
		{"fromMillis", "<n-s?s?:s>", 3, strict(func(ev *eval, in val, args []val) val {
			return formatMillis(ev, args[0], arg(args, 1), arg(args, 2))
		})},
		{"toMillis", "<s-s?:n>", 2, strict(toMillis)},
	}
}

func (ev *eval) millis() float64 {
	if ev.env.Now.IsZero() {
		return 0
	}
	return float64(ev.env.Now.UnixMilli())
}

var (
	dayNames   = strings.Fields("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
	monthNames = strings.Fields("January February March April May June July August September October November December")
)

const dayMillis = 24 * 60 * 60 * 1000

// isoPicture is how a time is written when no picture is given.
const isoPicture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

func formatMillis(ev *eval, millis, picture, zone val) val {
	text := isoPicture
	if !picture.undef() {
		text = picture.text()
	}
	hours, minutes := 0, 0
	if !zone.undef() {
		if offset := parseInt(zone.text()); offset == offset && math.Abs(offset) < 1e6 {
			hours, minutes = int(math.Floor(offset/100)), int(math.Mod(offset, 100))
		}
	}
	ms := millis.num()
	if math.Abs(ms) > 8.64e15 {
		return ofString("NaN")
	}
	t := time.UnixMilli(int64(ms) + int64(60*hours+minutes)*60_000).UTC()
	var b strings.Builder
	for _, p := range parseDatePicture(ev, text) {
		if p.component == 0 && p.first == "" {
			b.WriteString(p.literal)
			continue
		}
		b.WriteString(p.format(ev, t, hours, minutes))
	}
	return ofString(b.String())
}

func (p *datePart) format(ev *eval, t time.Time, hours, minutes int) string {
	switch p.component {
	case 'Z', 'z':
		return p.formatZone(ev, hours, minutes)
	case 'P':
		s := "am"
		if t.Hour() >= 12 {
			s = "pm"
		}
		if p.names && p.letters == caseUpper {
			return strings.ToUpper(s)
		}
		return s
	case 'C', 'E':
		return "ISO"
	}
	n, ok := fragment(t, p.component)
	if !ok {
		return "undefined"
	}
	if p.component == 'Y' && p.yearMod >= 0 {
		n = math.Mod(n, math.Pow(10, float64(p.yearMod)))
	}
	if !p.names {
		return p.integer.format(ev, n)
	}
	var s string
	switch p.component {
	case 'M', 'x':
		s = monthNames[int(n)-1]
	case 'F':
		s = dayNames[int(n)-1]
	default:
		panic(&Error{Code: "D3133", Position: -1, detail: ofString(string(p.component))})
	}
	switch p.letters {
	case caseUpper:
		s = strings.ToUpper(s)
	case caseLower:
		s = strings.ToLower(s)
	}
	if p.maxWidth >= 0 {
		s = s[:min(len(s), p.maxWidth)]
	}
	return s
}

func (p *datePart) formatZone(ev *eval, hours, minutes int) string {
	offset := hours*100 + minutes
	var s string
	switch ip := p.integer; {
	case ip.every > 0, ip.digits == 3, ip.digits == 4:
		s = ip.format(ev, float64(offset))
	case ip.digits == 1, ip.digits == 2:
		s = ip.format(ev, float64(hours))
		if minutes != 0 {
			two := parseIntegerPicture(ev, "00")
			s += ":" + two.format(ev, float64(minutes))
		}
	default:
		panic(&Error{Code: "D3134", Position: -1, detail: ofInt(ip.digits)})
	}
	if offset >= 0 {
		s = "+" + s
	}
	if p.component == 'z' {
		s = "GMT" + s
	}
	if offset == 0 && p.second == 't' {
		s = "Z"
	}
	return s
}

// fragment is one numeric component of a time; ok is false for components that have none.
func fragment(t time.Time, component byte) (float64, bool) {
	month := func(t time.Time, by int) time.Time {
		return time.Date(t.Year(), t.Month()+time.Month(by), 1, 0, 0, 0, 0, time.UTC)
	}
	year := func(by int) time.Time { return time.Date(t.Year()+by, 1, 1, 0, 0, 0, 0, time.UTC) }
	today := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch component {
	case 'Y':
		return float64(t.Year()), true
	case 'M':
		return float64(t.Month()), true
	case 'D':
		return float64(t.Day()), true
	case 'd':
		return float64(t.YearDay()), true
	case 'F':
		return float64((t.Weekday()+6)%7 + 1), true
	case 'W':
		return week(today, year(0), year(1), year(-1), 52), true
	case 'w':
		return week(today, month(t, 0), month(t, 1), month(t, -1), 4), true
	case 'X':
		switch {
		case t.Before(firstWeek(year(0))):
			return float64(t.Year() - 1), true
		case !t.Before(firstWeek(year(1))):
			return float64(t.Year() + 1), true
		}
		return float64(t.Year()), true
	case 'x':
		switch {
		case t.Before(firstWeek(month(t, 0))):
			return float64(month(t, -1).Month()), true
		case !t.Before(firstWeek(month(t, 1))):
			return float64(month(t, 1).Month()), true
		}
		return float64(t.Month()), true
	case 'H':
		return float64(t.Hour()), true
	case 'h':
		return float64((t.Hour()+11)%12 + 1), true
	case 'm':
		return float64(t.Minute()), true
	case 's':
		return float64(t.Second()), true
	case 'f':
		return float64(t.Nanosecond() / 1e6), true
	}
	return 0, false
}

// firstWeek is the Monday of the first ISO week of the year or month that starts at t: the one with its first Thursday.
func firstWeek(t time.Time) time.Time {
	day := int(t.Weekday()+6)%7 + 1
	if day > 4 {
		return t.AddDate(0, 0, 8-day)
	}
	return t.AddDate(0, 0, 1-day)
}

// week is the number of today's week in a period; most is how many a period has for sure.
func week(today, this, next, previous time.Time, most float64) float64 {
	weeks := func(start time.Time) float64 { return today.Sub(start).Hours()/(24*7) + 1 }
	n := weeks(firstWeek(this))
	switch {
	case n > most && !today.Before(firstWeek(next)):
		n = 1
	case n < 1:
		n = weeks(firstWeek(previous))
	}
	return math.Floor(n)
}

var iso8601 = regexp.MustCompile(`^\d{4}(-[01]\d)*(-[0-3]\d)*(T[0-2]\d:[0-5]\d:[0-5]\d)*(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?$`)

func toMillis(ev *eval, in val, args []val) val {
	s := args[0].text()
	if picture := arg(args, 1); !picture.undef() {
		return parseTime(ev, s, picture.text())
	}
	if !iso8601.MatchString(s) {
		panic(&Error{Code: "D3110", Position: -1, detail: args[0]})
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return ofNum(float64(t.UnixMilli()))
		}
	}
	return ofNum(math.NaN())
}

// dateMillis is JavaScript's Date.UTC: fields out of range run over.
func dateMillis(c map[byte]float64) float64 {
	days := func(y, m float64) float64 {
		t := time.Date(int(y)+int(math.Floor(m/12)), time.Month(int(math.Mod(math.Mod(m, 12)+12, 12))+1), 1, 0, 0, 0, 0, time.UTC)
		return float64(t.Unix() / 86400)
	}
	y := c['Y']
	if y >= 0 && y <= 99 {
		y += 1900
	}
	if math.Abs(y) > 300_000 || math.Abs(c['M']) > 1e6 {
		return math.NaN()
	}
	return (days(y, c['M'])+c['D']-1)*dayMillis + c['H']*3_600_000 + c['m']*60_000 + c['s']*1000 + c['f']
}

// timeMatcher is the compiled form of a picture that times are read by.
type timeMatcher struct {
	re    *regexp.Regexp
	parts []datePart
}

func newTimeMatcher(ev *eval, picture string) timeMatcher {
	m := timeMatcher{parts: parseDatePicture(ev, picture)}
	var b strings.Builder
	b.WriteString("(?i)^")
	for _, p := range m.parts {
		b.WriteString("(" + p.pattern() + ")")
	}
	re, err := regexp.Compile(b.String() + "$")
	if err != nil {
		ev.tooMuch()
	}
	m.re = re
	return m
}

func (p *datePart) pattern() string {
	switch {
	case p.component == 0 && p.first == "":
		return regexp.QuoteMeta(p.literal)
	case p.component == 'Z' || p.component == 'z':
		s := "[-+][0-9]+"
		if p.integer.every > 0 {
			s += regexp.QuoteMeta(p.integer.marks[0].char) + "[0-9]+"
		}
		if p.component == 'z' {
			s = "GMT" + s
		}
		return s
	case p.integer != nil:
		return p.integer.pattern()
	case p.component == 0 || strings.IndexByte("MxFP", p.component) < 0:
		panic(&Error{Code: "D3133", Position: -1, detail: ofString(string(p.component))})
	}
	return "[a-zA-Z]+"
}

// parse reads the text that one component matched; ok is false for names that are none.
func (p *datePart) parse(s string) (float64, bool) {
	switch {
	case p.component == 'Z' || p.component == 'z':
		return p.parseZone(strings.TrimPrefix(s, "GMT")), true
	case p.integer != nil:
		return p.integer.parse(s), true
	case p.component == 'P':
		n, ok := map[string]float64{"am": 0, "AM": 0, "pm": 1, "PM": 1}[s]
		return n, ok
	}
	names := monthNames
	if p.component == 'F' {
		names = dayNames
	}
	for i, name := range names {
		if p.maxWidth > 0 {
			name = name[:min(len(name), p.maxWidth)]
		}
		if name == s {
			return float64(i + 1), true
		}
	}
	return 0, false
}

func (p *datePart) parseZone(s string) float64 {
	if p.integer.every > 0 {
		hours, minutes, _ := strings.Cut(s, p.integer.marks[0].char)
		return parseInt(hours)*60 + parseInt(minutes)
	}
	if len(s) <= 3 {
		return parseInt(s) * 60
	}
	return parseInt(s[:3])*60 + parseInt(s[3:])
}

func parseTime(ev *eval, s, picture string) val {
	m := newTimeMatcher(ev, picture)
	found := m.re.FindStringSubmatch(s)
	if found == nil {
		return undefined
	}
	c := map[byte]float64{}
	some := false
	group := 1
	for i := range m.parts {
		p := &m.parts[i]
		if p.component != 0 {
			some = true
			if n, ok := p.parse(found[group]); ok {
				c[p.component] = n
			}
		}
		group++
	}
	if !some {
		return undefined
	}
	return ofNum(completeTime(ev, c))
}

// completeTime works out an instant from the components that were given. What is missing before them comes from now,
// what is missing after them is the least there is; a gap is an error.
func completeTime(ev *eval, c map[byte]float64) float64 {
	given := func(names string) (mask int) {
		for i := range len(names) {
			mask <<= 1
			if n := c[names[i]]; n != 0 && n == n {
				mask |= 1
			}
		}
		return mask
	}
	fits := func(mask, typ int) bool { return ^typ&mask == 0 && typ&mask != 0 }
	date, clock := given("YXMxWwdD"), given("PHhmsf")
	byMonth := fits(date, 0b10100001)
	byYearDay := !byMonth && fits(date, 0b10000010)
	byMonthWeek := fits(date, 0b01010100)
	byWeek := !byMonthWeek && fits(date, 0b01001000)
	halfDay := !fits(clock, 0b010111) && fits(clock, 0b101111)
	order := "YMD"
	switch {
	case byYearDay:
		order = "YD"
	case byMonthWeek:
		order = "XxwF"
	case byWeek:
		order = "XWF"
	}
	if halfDay {
		order += "Phmsf"
	} else {
		order += "Hmsf"
	}
	fillTime(ev, c, order)
	if byMonthWeek || byWeek {
		panic(&Error{Code: "D3136", Position: -1})
	}
	if c['M'] > 0 {
		c['M']--
	} else {
		c['M'] = 0
	}
	if byYearDay {
		c['M'], c['D'] = 0, c['d']
	}
	if halfDay {
		c['H'] = math.Mod(c['h'], 12)
		if c['h'] > 12 {
			c['H'] = c['h']
		}
		if c['P'] == 1 {
			c['H'] += 12
		}
	}
	zone := c['Z']
	if zone == 0 {
		zone = c['z']
	}
	return dateMillis(c) - zone*60_000
}

func fillTime(ev *eval, c map[byte]float64, order string) {
	now := time.UnixMilli(int64(ev.millis())).UTC()
	started, ended := false, false
	for i := range len(order) {
		part := order[i]
		if _, ok := c[part]; ok {
			started = true
			if ended {
				panic(&Error{Code: "D3136", Position: -1})
			}
			continue
		}
		if !started {
			c[part], _ = fragment(now, part)
			continue
		}
		ended = true
		c[part] = 0
		if part == 'M' || part == 'D' || part == 'd' {
			c[part] = 1
		}
	}
}
