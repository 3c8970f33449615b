-- Exact duplicates per file in one table that holds no claims.
--
-- reads: every_$table, run.repeated_hash, run.file_order, run.new_file
-- makes: run.repeat_change (adds to it)
-- words: $table; $columns: all that a row says.

CREATE OR REPLACE TEMP TABLE repeated_place AS
SELECT place FROM every_$table WHERE row_hash IN (FROM run.repeated_hash);

INSERT INTO run.repeat_change
SELECT file_no,
       count(*) FILTER (is_repeat) - count(*) FILTER (was_repeat AND NOT is_new) AS repeats
FROM (SELECT t.file_no, t.file_no IN (FROM run.new_file) AS is_new,
             row_number() OVER (PARTITION BY $columns
                                ORDER BY f.file_rank, t.row_number) > 1 AS is_repeat,
             row_number() OVER (PARTITION BY t.file_no IN (FROM run.new_file), $columns
                                ORDER BY f.file_rank, t.row_number) > 1 AS was_repeat
      FROM every_$table t JOIN run.file_order f USING (file_no)
      WHERE t.place IN (FROM repeated_place) AND t.row_hash IN (FROM run.repeated_hash))
GROUP BY file_no;
