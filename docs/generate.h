#pragma once

/* What generate-docs makes at build time, each printed on stdout. */

void generate_manual(void);       /* pg-backup(1): commands, options, exit codes, reasons */
void generate_conf_manual(void);  /* pg-backup.conf(5): the settings */
void generate_catalog(void);      /* the journal's catalog: an entry for each event and reason */
void generate_example_conf(void); /* every setting, commented out, with what it means */
