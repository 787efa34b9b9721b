#pragma once
// What a program in a terminal needs of the system: signals, a terminal's width, a clock that only goes forwards.
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Lets writes to a closed pipe or beyond the largest file size fail as errors instead of ending the process.
void weir_ignore_output_signals(void);

/// Calls `action` on a thread of its own when SIGINT, SIGTERM or SIGHUP arrives; the second one ends the process. Where the
/// process is still there 0.8 seconds after the first one and `late` is not NULL, calls that and exits with 130.
///
/// Blocks these signals in the calling thread, and so in all threads that it starts later. One that the process was
/// told to ignore stays ignored. Returns 0, or a negative errno where no thread could be started.
int weir_on_end_signal(void (*action)(void *), void (*late)(void *), void *context);

/// Waits for the end of the process, which another thread brings about.
void weir_wait_for_end(void);

/// 1 where the descriptor is a terminal.
int weir_is_terminal(int fd);

/// Columns of the terminal, 0 where it does not say.
int weir_terminal_columns(int fd);

/// Nanoseconds since some fixed time in the past.
int64_t weir_nanoseconds(void);

/// Writes all of the bytes in order, whatever interruptions and short writes occur; 0 or a negative errno.
int weir_write_stream(int fd, const void *bytes, size_t count);

/// Starts `sh -c command` with nothing on its standard input and a pipe on its standard output, of which *output becomes the
/// end to read, and with all signals as a program expects them. Returns 0 or a negative errno.
int weir_shell_start(const char *command, int *output, pid_t *process);

/// Reads what is there; the number of bytes, 0 at the end, -EAGAIN where nothing came for so long, or a negative errno.
ssize_t weir_shell_read(int output, void *bytes, size_t count, int milliseconds);

/// Asks the process and all that it has started to end.
void weir_shell_stop(pid_t process);

/// Closes the pipe and waits for the process; its exit code, 128 and the signal that ended it, or a negative errno.
int weir_shell_finish(int output, pid_t process);
