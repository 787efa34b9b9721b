#pragma once
// What a program in a terminal needs of the system: signals, a terminal's width, a clock that only goes forwards.
#include <stddef.h>
#include <stdint.h>

/// Lets writes to a closed pipe or beyond the largest file size fail as errors instead of ending the process.
void weir_ignore_output_signals(void);

/// Calls `action` on a thread of its own when SIGINT, SIGTERM or SIGHUP arrives; the second one ends the process.
///
/// Blocks these signals in the calling thread, and so in all threads that it starts later. One that the process was
/// told to ignore stays ignored. Returns 0, or a negative errno where no thread could be started.
int weir_on_end_signal(void (*action)(void *), void *context);

/// 1 where the descriptor is a terminal.
int weir_is_terminal(int fd);

/// Columns of the terminal, 0 where it does not say.
int weir_terminal_columns(int fd);

/// Nanoseconds since some fixed time in the past.
int64_t weir_nanoseconds(void);

/// Writes all of the bytes in order, whatever interruptions and short writes occur; 0 or a negative errno.
int weir_write_stream(int fd, const void *bytes, size_t count);
