// Command race has a data race, for the test that races are reported.
package main

func main() {
	n, done := 0, make(chan struct{})
	go func() {
		n++
		close(done)
	}()
	n++
	<-done
	println(n)
}
