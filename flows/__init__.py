"""When and where: the only package that knows Prefect, DuckDB, files, logging and the clock."""

import os

# Polars' allocator reads this when Polars is first imported, by whichever process. By default it
# keeps freed memory for a second and more: 0.1 to 0.3 GiB while 20 million lines are judged.
ALLOCATOR, KEEPS_LITTLE = "_RJEM_MALLOC_CONF", "dirty_decay_ms:200,muzzy_decay_ms:0"
os.environ.setdefault(ALLOCATOR, KEEPS_LITTLE)
