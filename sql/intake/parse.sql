-- Macros that turn the text of a value into a value; NULL if the text is not valid.
-- The argument is text as the extract has it.
--
-- words: $listed_format: parses `v` by the date formats that the config lists, $two_digit_format by
--        those of them whose years have two digits; $icd10cm_undotted: the shape of an ICD-10-CM
--        code with a subdivision and without its dot; $whole_number, $scientific, $placeholder,
--        $timestamp: patterns of schemas/senders.py; $inexact: the first whole number that a double
--        may have rounded.

CREATE OR REPLACE TEMP MACRO stripped(v) AS
    trim(v, ' ' || chr(9) || chr(10) || chr(13) || chr(160));

CREATE OR REPLACE TEMP MACRO cleaned(v) AS
    CASE WHEN lower(stripped(v)) IN ('', 'null') THEN NULL ELSE stripped(v) END;

-- Whether no text of a row needs cleaning; checked at once. They are joined by \x1f, with one
-- before the first and after the last: identifiers that may be a word for nothing, \x1c, other
-- identifiers and codes, \x1d, the rest. If in doubt, false.
CREATE OR REPLACE TEMP MACRO are_clean(joined) AS
    NOT regexp_matches(
        joined,
        '\x1f(?:[ \t\r\n\x{a0}]|(?i:null)?\x1f)|[ \t\r\n\x{a0}]\x1f'
        '|(?:[.]0+|[0-9][eE][+]?[0-9]+)\x1f[^\x1d]*\x1d'
        '|\x1f(?i:' || $placeholder || ')\x1f[^\x1c]*\x1c');

-- Whether a text is what the engine itself writes for a value. Then the value is that of the text,
-- which costs less to find out than any pattern.
CREATE OR REPLACE TEMP MACRO is_text_of(v, value) AS coalesce(CAST(value AS VARCHAR) = v, false);

-- TRY_CAST alone accepts 'infinity', one-digit months and any time of day. A timestamp counts
-- with the day that it shows.
CREATE OR REPLACE TEMP MACRO as_known_date(v) AS
    CASE WHEN length(v) = 10 AND is_text_of(v, TRY_CAST(v AS DATE)) THEN TRY_CAST(v AS DATE)
         WHEN length(v) = 8 AND regexp_full_match(v, '[0-9]{8}')
         THEN CAST(try_strptime(v, '%Y%m%d') AS DATE)
         WHEN length(v) = 10 AND regexp_full_match(v, '[0-9]{8}[.]0')
         THEN CAST(try_strptime(v[1:8], '%Y%m%d') AS DATE)
         WHEN length(v) > 15 AND regexp_full_match(v, $timestamp)
         THEN TRY_CAST(v[1:10] AS DATE) END;

-- strptime alone reads 'infinity' as 1900, and the 26 in 02/08/26 as the year 26.
CREATE OR REPLACE TEMP MACRO as_listed_date(v) AS
    CASE WHEN NOT regexp_matches(v, '[0-9]') THEN NULL
         WHEN year($listed_format) >= 1000 THEN $listed_format ELSE $two_digit_format END;

-- Whether the century of a date is a guess.
CREATE OR REPLACE TEMP MACRO has_two_digits(v) AS
    $two_digit_format IS NOT NULL AND as_known_date(v) IS NULL
    AND NOT coalesce(year($listed_format) >= 1000, false);

CREATE OR REPLACE TEMP MACRO as_date(v) AS coalesce(as_known_date(v), as_listed_date(v));

-- TRY_CAST alone accepts 1_000 and rounds silently.
CREATE OR REPLACE TEMP MACRO as_number(v) AS
    CASE WHEN regexp_full_match(v, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?')
         THEN TRY_CAST(v AS DECIMAL(38, 18)) END;

-- Whether a text has no more decimals than money. The parts of a CASE are evaluated one after
-- another, those of OR are not.
CREATE OR REPLACE TEMP MACRO is_plain_amount(v) AS
    CASE WHEN is_text_of(v, TRY_CAST(v AS DECIMAL(18, 2))) THEN true
         ELSE regexp_full_match(v, '[+-]?[0-9]{1,15}(\.[0-9]{0,2})?') END;

-- Money has two decimals. Float dust within 0.0001 of a cent is rounded; a real third decimal is
-- not money.
CREATE OR REPLACE TEMP MACRO as_amount(v) AS
    CASE WHEN is_plain_amount(v) THEN TRY_CAST(v AS DECIMAL(18, 2))
         WHEN abs(as_number(v) - round(as_number(v), 2)) <= 0.0001
         THEN TRY_CAST(round(as_number(v), 2) AS DECIMAL(18, 2))
         END;

CREATE OR REPLACE TEMP MACRO is_float_dust(v) AS
    CASE WHEN is_plain_amount(v) THEN false ELSE as_number(v) <> as_amount(v) END;

CREATE OR REPLACE TEMP MACRO as_quantity(v) AS
    CASE WHEN is_text_of(v, TRY_CAST(v AS DECIMAL(18, 3))) THEN TRY_CAST(v AS DECIMAL(18, 3))
         WHEN regexp_full_match(v, '[+-]?[0-9]{1,12}(\.[0-9]{0,3})?')
         THEN TRY_CAST(v AS DECIMAL(18, 3))
         ELSE TRY_CAST(round(as_number(v), 3) AS DECIMAL(18, 3)) END;

CREATE OR REPLACE TEMP MACRO as_integer(v) AS
    CASE WHEN length(v) < 19 AND is_text_of(v, TRY_CAST(v AS BIGINT)) THEN TRY_CAST(v AS BIGINT)
         WHEN regexp_full_match(v, '[+-]?[0-9]{1,18}(\.0*)?') THEN TRY_CAST(v AS BIGINT) END;

-- 1.003e3 has all its digits; 2.02603e+11 has not, and 1.0035e3 is not a whole number.
CREATE OR REPLACE TEMP MACRO all_digits(v) AS
    CASE WHEN length(regexp_extract(v, '[.]([0-9]*)e', 1))
              >= CAST(regexp_extract(v, 'e(.*)', 1) AS INTEGER)
              AND length(regexp_extract(v, '[.]([0-9]*?)0*e', 1))
                  <= CAST(regexp_extract(v, 'e(.*)', 1) AS INTEGER)
         THEN CAST(CAST(CAST(v AS DECIMAL(38, 18)) AS HUGEINT) AS VARCHAR) END;

-- An identifier or code that a table program made a number. One that has lost digits is null.
CREATE OR REPLACE TEMP MACRO as_identifier(v) AS
    CASE WHEN NOT contains(v, '.') AND NOT contains(v, '+') THEN v
         WHEN regexp_full_match(v, $whole_number)
         THEN CASE WHEN NOT ends_with(v, '.0') OR ends_with(v, '.00')
                        OR abs(TRY_CAST(v AS DOUBLE)) < $inexact
                   THEN string_split(v, '.')[1] END
         WHEN regexp_full_match(lower(v), $scientific) THEN all_digits(lower(v))
         ELSE v END;

CREATE OR REPLACE TEMP MACRO as_frequency(v) AS regexp_replace(v, '^0+([0-9])$$', '\1');

CREATE OR REPLACE TEMP MACRO unless_nothing(v) AS
    CASE WHEN NOT regexp_full_match(lower(v), $placeholder) THEN v END;

-- Malformed codes stay as they are: they match nothing, and a warning is counted.
CREATE OR REPLACE TEMP MACRO as_ndc(v) AS
    CASE WHEN NOT contains(v, '-') THEN v
         WHEN regexp_full_match(v, '[0-9]{4}-[0-9]{4}-[0-9]{2}') THEN '0' || replace(v, '-', '')
         WHEN regexp_full_match(v, '[0-9]{5}-[0-9]{3}-[0-9]{2}')
         THEN v[1:5] || '0' || v[7:9] || v[11:12]
         WHEN regexp_full_match(v, '[0-9]{5}-[0-9]{4}-[0-9]')
         THEN v[1:5] || v[7:10] || '0' || v[12:12]
         WHEN regexp_full_match(v, '[0-9]{5}-[0-9]{4}-[0-9]{2}') THEN replace(v, '-', '')
         ELSE v END;

CREATE OR REPLACE TEMP MACRO as_icd10cm(v) AS
    CASE WHEN length(v) > 3 AND NOT contains(v, '.')
              AND regexp_full_match(upper(v), $icd10cm_undotted)
         THEN upper(v[1:3]) || '.' || upper(v[4:])
         ELSE upper(v) END;
