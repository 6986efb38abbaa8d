package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"anthill/api"
	"anthill/functions"
)

// metrics are what /metrics shows. The rooms know nothing of it: they call small hooks, or are asked when somebody looks.
type metrics struct {
	registry *prometheus.Registry
	handler  http.Handler

	flush       prometheus.Histogram
	commits     prometheus.Histogram
	requests    *prometheus.CounterVec
	request     *prometheus.HistogramVec
	invocations *prometheus.CounterVec
	queued      prometheus.Histogram
	duration    *prometheus.HistogramVec
	damaged     prometheus.Counter
}

// fine are buckets from 20 µs to some 10 s.
func fine() []float64 { return prometheus.ExponentialBuckets(20e-6, 2, 20) }

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		flush: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "anthill_flush_seconds", Buckets: fine(),
			Help: "How long the flushes took that acknowledged commits waited for."}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "anthill_flush_commits", Buckets: prometheus.ExponentialBuckets(1, 2, 12),
			Help: "How many commits shared a flush."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anthill_http_requests_total",
			Help: "Requests that were answered, by service, operation and HTTP status."}, []string{"service", "operation", "status"}),
		request: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "anthill_http_request_seconds", Buckets: fine(),
			Help: "How long requests took, by service."}, []string{"service"}),
		invocations: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anthill_invocations_total",
			Help: "Invocations of functions by how they started (cold, warm, restored) and what became of them (ok, error)."}, []string{"start", "outcome"}),
		queued: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "anthill_invocation_queue_seconds", Buckets: fine(),
			Help: "How long invocations waited for an execution environment, its start included."}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "anthill_invocation_seconds", Buckets: fine(),
			Help: "How long handlers had the request, by how the invocation started."}, []string{"start"}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{Name: "anthill_damaged_reads_total",
			Help: "Reads of tables of the data directory that failed because they are damaged."}),
	}
	m.registry.MustRegister(m.flush, m.commits, m.requests, m.request, m.invocations, m.queued, m.duration, m.damaged,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		asked("anthill_state_transitions_total", "States of executions that were entered since the platform started.", prometheus.CounterValue,
			s, func(h *house) float64 { return float64(h.workflows.Figures().Transitions) }),
		asked("anthill_open_executions", "Executions that have not ended.", prometheus.GaugeValue,
			s, func(h *house) float64 { return float64(h.workflows.Figures().Open) }),
		asked("anthill_resting_executions", "Of them, those that only wait and are not in memory.", prometheus.GaugeValue,
			s, func(h *house) float64 { return float64(h.workflows.Figures().Resting) }),
		asked("anthill_environments", "Execution environments that are alive.", prometheus.GaugeValue,
			s, func(h *house) float64 { return float64(len(h.pool.Environments())) }),
		asked("anthill_spans_dropped_total", "Spans that were not exported: too many at once, or nobody took them. What had not been cut into spans counts as one.", prometheus.CounterValue,
			s, func(h *house) float64 { return h.traces.dropped() }),
		asked("anthill_disk_failing", "1 while nothing is acknowledged because the disk failed.", prometheus.GaugeValue,
			s, func(h *house) float64 {
				if h.db.Err() != nil {
					return 1
				}
				return 0
			}),
	)
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// flushed is disk.Options.Flushed.
func (m *metrics) flushed(took time.Duration, commits int) {
	m.flush.Observe(took.Seconds())
	m.commits.Observe(float64(commits))
}

// served counts an invocation.
func (m *metrics) served(_ functions.Key, s *functions.Served) {
	outcome := "ok"
	if s.FunctionError != "" {
		outcome = "error"
	}
	start := string(s.Start)
	m.invocations.WithLabelValues(start, outcome).Inc()
	m.duration.WithLabelValues(start).Observe(s.Duration.Seconds())
	if p := &s.Phases; p.Sent > p.Queued && p.Queued > 0 {
		m.queued.Observe(time.Duration(p.Sent - p.Queued).Seconds())
	}
}

// answered counts a request. operation is "" where there is none.
func (m *metrics) answered(service, operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(service, operation, strconv.Itoa(status)).Inc()
	m.request.WithLabelValues(service).Observe(took.Seconds())
}

// askedCollector is one figure that the house is asked for when somebody looks.
type askedCollector struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	s    *Server
	ask  func(*house) float64
}

func asked(name, help string, kind prometheus.ValueType, s *Server, ask func(*house) float64) prometheus.Collector {
	return &askedCollector{prometheus.NewDesc(name, help, nil, nil), kind, s, ask}
}

func (a *askedCollector) Describe(to chan<- *prometheus.Desc) { to <- a.desc }

func (a *askedCollector) Collect(to chan<- prometheus.Metric) {
	a.s.mu.RLock()
	defer a.s.mu.RUnlock()
	to <- prometheus.MustNewConstMetric(a.desc, a.kind, a.ask(a.s.mu.house))
}

// counted serves with by and counts the request, which has no operation.
func (h *house) counted(service string, by http.Handler, w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	sw := &api.StatusWriter{ResponseWriter: w}
	by.ServeHTTP(sw, r)
	h.answered(r, service, "", max(sw.Status, http.StatusOK), time.Since(began))
}

// answered is api.Config.Served.
func (h *house) answered(r *http.Request, service, operation string, status int, took time.Duration) {
	h.metrics.answered(service, operation, status, took)
	h.traces.answered(r, service, operation, status)
}

// served is functions.Config.Served.
func (h *house) served(k functions.Key, s *functions.Served) {
	h.metrics.served(k, s)
	h.traces.served(k, s)
}
