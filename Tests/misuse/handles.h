/* The handles of the fixture: models, trainers, datasets and images to misuse. */
#ifndef HANDLES_H
#define HANDLES_H

/* New ones, in place of those of the last call. */
void make_handles(void);
/* Uses and frees what the last call made; there must be nothing if it failed. */
void use_new_handles(int succeeded);

/* Long calls, for what was set for the process or the thread. */
void use_settings(void);

/* A model that no call is given, and whether it still gives the same file and scores. */
void begin_canary(void);
int is_canary_alive(void);

#endif
