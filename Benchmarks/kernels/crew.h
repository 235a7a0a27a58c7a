// Threads that do one thing together, the calling one among them.
#ifndef CREW_H
#define CREW_H

// Starts threads - 1 threads, which sleep until there is work; ends the program if it cannot.
void crew_start(int threads);

int crew_threads(void);

// Calls work(context, thread) on every thread at once, with thread 0 the calling one.
void crew_run(void (*work)(void *context, int thread), void *context);

// Inside crew_run: waits, spinning, until all threads are here.
void crew_wait(void);

#endif
