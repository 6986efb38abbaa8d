package jsonata

import (
	"math"
	"regexp"
	"sort"
	"strings"
)

var (
	cardinals = strings.Fields("Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen Fifteen Sixteen " +
		"Seventeen Eighteen Nineteen")
	ordinals = strings.Fields("Zeroth First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth Eleventh Twelfth Thirteenth " +
		"Fourteenth Fifteenth Sixteenth Seventeenth Eighteenth Nineteenth")
	decades    = strings.Fields("Twenty Thirty Forty Fifty Sixty Seventy Eighty Ninety Hundred")
	magnitudes = strings.Fields("Thousand Million Billion Trillion")
	wordValues = numberWords()
)

// numberWords gives every word of a number its value, in lower case.
func numberWords() map[string]float64 {
	words := map[string]float64{"hundredth": 100}
	for i := range cardinals {
		words[strings.ToLower(cardinals[i])] = float64(i)
		words[strings.ToLower(ordinals[i])] = float64(i)
	}
	for i, w := range decades {
		w = strings.ToLower(w)
		words[w] = float64(i+2) * 10
		words[w[:len(w)-1]+"ieth"] = words[w]
	}
	for i, w := range magnitudes {
		w = strings.ToLower(w)
		words[w] = math.Pow(10, float64(i+1)*3)
		words[w+"th"] = words[w]
	}
	return words
}

func wordPattern() string {
	words := make([]string, 0, len(wordValues)+2)
	for w := range wordValues {
		words = append(words, w)
	}
	// Longest first, so that seven does not hide seventeen.
	sort.Slice(words, func(i, j int) bool {
		return len(words[i]) > len(words[j]) || len(words[i]) == len(words[j]) && words[i] < words[j]
	})
	return "(?:" + strings.Join(append(words, "and", `[\-, ]`), "|") + ")+"
}

// toWords writes a number in English.
func toWords(f float64, ordinal bool) string { return words(f, false, ordinal) }

func words(f float64, after, ordinal bool) string {
	joined := func(sep, s string) string {
		if after {
			return sep + s
		}
		return s
	}
	switch {
	case f <= 19:
		if ordinal {
			return joined(" and ", ordinals[int(f)])
		}
		return joined(" and ", cardinals[int(f)])
	case f < 100:
		s := joined(" and ", decades[int(f)/10-2])
		if rest := math.Mod(f, 10); rest > 0 {
			return s + "-" + words(rest, false, ordinal)
		}
		if ordinal {
			return s[:len(s)-1] + "ieth"
		}
		return s
	case f < 1000:
		s := joined(", ", cardinals[int(f)/100]+" Hundred")
		return s + wordsAfter(math.Mod(f, 100), ordinal)
	}
	size := min(int(math.Floor(math.Log10(f)/3+1e-12)), len(magnitudes))
	factor := math.Pow(10, float64(size)*3)
	count := math.Floor(f / factor)
	s := joined(", ", words(count, false, false)+" "+magnitudes[size-1])
	return s + wordsAfter(f-count*factor, ordinal)
}

func wordsAfter(rest float64, ordinal bool) string {
	switch {
	case rest > 0:
		return words(rest, true, ordinal)
	case ordinal:
		return "th"
	}
	return ""
}

var wordBreaks = regexp.MustCompile(`,\s|\sand\s|[\s\\-]`)

// fromWords reads a number written in English, in lower case.
func fromWords(s string) float64 {
	parts := []float64{0}
	for _, w := range wordBreaks.Split(s, -1) {
		v, ok := wordValues[w]
		if !ok {
			return math.NaN()
		}
		last := &parts[len(parts)-1]
		switch {
		case v >= 100:
			*last *= v
		case *last >= 1000:
			parts = append(parts, v)
		default:
			*last += v
		}
	}
	total := 0.0
	for _, p := range parts {
		total += p
	}
	return total
}
