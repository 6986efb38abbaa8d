package main

import "os"

func main() {
	switch {
	case os.Getpid() == 1:
		guestMain()
	case len(os.Args) == 3 && os.Args[1] == "trial":
		os.Exit(trialMain(os.Args[2]))
	case len(os.Args) == 2 && os.Args[1] == "cases":
		casesMain()
	default:
		os.Exit(hostMain())
	}
}
