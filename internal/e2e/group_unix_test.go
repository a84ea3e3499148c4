//go:build unix

package e2e

import (
	"os/exec"
	"syscall"
)

// inGroupOfItsOwn starts a command so that it and its children can be interrupted together, as a terminal does,
// without the tests.
func inGroupOfItsOwn(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
