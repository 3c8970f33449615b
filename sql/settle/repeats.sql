-- Exact duplicates of one table that holds no claims ($table), per file.
-- run.moved_repeats  grain: file; repeats: by how much its count moved.
-- inputs: every_$table, run.file_order, run.new_file; $looked_at: which rows repeats are looked for among; $columns: all that a
-- row says.

CREATE OR REPLACE TABLE run.repeated_hash AS
SELECT row_hash FROM every_$table WHERE $looked_at GROUP BY row_hash HAVING count(*) > 1;

CREATE OR REPLACE TABLE run.repeated_place AS
SELECT place FROM every_$table WHERE row_hash IN (FROM run.repeated_hash);

INSERT INTO run.moved_repeats
SELECT file_no, count(*) FILTER (is_repeat) - count(*) FILTER (was_repeat AND NOT is_new) AS repeats
FROM (SELECT t.file_no, t.file_no IN (FROM run.new_file) AS is_new,
             row_number() OVER (PARTITION BY $columns ORDER BY f.file_rank, t.row_number) > 1 AS is_repeat,
             row_number() OVER (PARTITION BY t.file_no IN (FROM run.new_file), $columns
                                ORDER BY f.file_rank, t.row_number) > 1 AS was_repeat
      FROM every_$table t JOIN run.file_order f USING (file_no)
      WHERE t.place IN (FROM run.repeated_place) AND t.row_hash IN (FROM run.repeated_hash))
GROUP BY file_no;
