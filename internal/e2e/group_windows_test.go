package e2e

import "os/exec"

func useOwnProcessGroup(*exec.Cmd) {}
