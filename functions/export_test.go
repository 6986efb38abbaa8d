package functions

// QueuedKeys lists what s has queued.
func QueuedKeys(s *Service) []string {
	var keys []string
	for key := range s.queue.docs.Each("") {
		keys = append(keys, key)
	}
	return keys
}

// Record turns the writing down of invocations on or off: what they cost can be seen in one run.
func Record(s *Service, on bool) {
	s.recorder.mu.Lock()
	s.recorder.mu.closed = !on
	s.recorder.mu.Unlock()
}
