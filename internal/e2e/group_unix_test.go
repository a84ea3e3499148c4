//go:build unix

package e2e

import (
	"os/exec"
	"syscall"
)

// useOwnProcessGroup makes a command start in a process group of its own. Like a terminal, a test can then interrupt
// the command and its children together, without interrupting itself.
func useOwnProcessGroup(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
