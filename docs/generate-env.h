#pragma once

/* .env.example: every setting that the container takes, commented out, with its default there. */
void generate_env_example(void);
