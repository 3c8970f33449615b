-- Claim rows of one table, among which is every known line that may be of an audited drug, for a
-- run that reuses the answers of another: whoever had such a line then has all rows cached.
--
-- reads: every_$table, run.new_file, kept.main.cached_$table
-- makes: run.audited_$table
-- words: $table; $columns: of a cached row; $as_of; $after: the as-of date of the other run.

CREATE OR REPLACE VIEW run.audited_$table AS
SELECT $columns FROM kept.main.cached_$table
WHERE service_date <= $after
UNION ALL
SELECT $columns FROM every_$table
WHERE file_no IN (FROM run.new_file)
UNION ALL
SELECT $columns FROM every_$table
WHERE place IN (SELECT place FROM every_$table
                WHERE service_date > $after AND service_date <= $as_of)
  AND service_date > $after AND service_date <= $as_of
  AND file_no NOT IN (FROM run.new_file);
