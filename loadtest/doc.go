// Package loadtest puts load on an HTTP endpoint, closed as Locust does or open at given arrivals, and reads and writes Locust's files.
//
// Invariants:
//   - a request's intended send time is kept: a generator that falls behind says so and never hides it
//   - what is written in Locust's formats follows Locust's own rounding; the exact values stay in Response
//   - a reader takes what a truncated or foreign file still holds and says in a sentence what is wrong with it
package loadtest
