// Package doctorcmd is `jackfield doctor`: it looks at everything a host lives on, and says
// of each thing how it is and what to do. New returns the command.
//
// What is promised: looking changes nothing; it ends in bounded time whatever does not
// answer; a check that can not be made is a finding itself. With --bundle what was found
// goes into an archive for those who help, without secrets (package support).
package doctorcmd
