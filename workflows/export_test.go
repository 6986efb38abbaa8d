package workflows

// Driven is how many open executions are in memory.
func (s *Service) Driven() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.mu.runs)
}
