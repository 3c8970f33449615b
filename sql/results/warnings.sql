-- Checks of severity warning per file and column, in every file loaded so far.
--
-- reads: every_warning, every_file

SELECT f.table_name AS "table", f.name AS file, column_name AS "column", check_name AS "check",
       rows, first_row_number
FROM every_warning JOIN every_file f USING (file_no)
