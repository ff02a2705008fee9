package dev.understudy.launcher.offline;

import dev.understudy.launcher.offline.OfflineException.Kind;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;

/**
 * A CSV file (RFC 4180; UTF-8, with or without a byte order mark) whose first record names the
 * columns. Errors name the file, the line and the column. For one thread.
 */
final class Rows implements Closeable {
  private static final char BYTE_ORDER_MARK = '\uFEFF';

  private final String file;
  private final CSVParser parser;
  private final Iterator<CSVRecord> records;
  private final List<String> header;
  private long line;

  /**
   * One record.
   *
   * @param line on which it begins, from 1
   */
  record Row(long line, List<String> cells) {}

  private Rows(String file, CSVParser parser) throws OfflineException {
    this.file = file;
    this.parser = parser;
    this.records = parser.iterator();
    this.header = header();
  }

  /**
   * Opens a file and reads its header.
   *
   * @throws OfflineException when it is not there, is empty, or its header names a column twice
   */
  static Rows open(Path file, char delimiter) throws IOException, OfflineException {
    BufferedReader reader;
    try {
      reader = Files.newBufferedReader(file, StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      throw new OfflineException(Kind.DATA, file + ": no such file");
    }
    try {
      reader.mark(1);
      if (reader.read() != BYTE_ORDER_MARK) {
        reader.reset();
      }
      return of(file.toString(), reader, delimiter);
    } catch (CharacterCodingException e) {
      reader.close();
      throw new OfflineException(Kind.DATA, file + ": not valid UTF-8");
    } catch (IOException | OfflineException e) {
      reader.close();
      throw e;
    }
  }

  static Rows of(String name, java.io.Reader reader, char delimiter)
      throws IOException, OfflineException {
    CSVFormat format =
        CSVFormat.RFC4180
            .builder()
            .setDelimiter(delimiter)
            .setIgnoreSurroundingSpaces(true)
            .setIgnoreEmptyLines(false)
            .get();
    return new Rows(name, CSVParser.builder().setReader(reader).setFormat(format).get());
  }

  private List<String> header() throws OfflineException {
    Row row = read();
    if (row == null) {
      throw new OfflineException(Kind.DATA, file + ": empty (expected: a header and rows)");
    }
    Set<String> names = new HashSet<>();
    for (int i = 0; i < row.cells().size(); i++) {
      String name = row.cells().get(i);
      if (name.isEmpty()) {
        throw at(row.line(), Integer.toString(i + 1), "the header has no name here");
      }
      if (!names.add(name)) {
        throw at(row.line(), name, "the header names it twice");
      }
    }
    return List.copyOf(row.cells());
  }

  /** Names of the columns, in order. */
  List<String> names() {
    return header;
  }

  /**
   * The next record; null after the last.
   *
   * @throws OfflineException when it has more or fewer cells than the header, or quotes are wrong
   */
  @Nullable Row next() throws OfflineException {
    Row row = read();
    if (row != null && row.cells().size() != header.size()) {
      throw new OfflineException(
          Kind.DATA,
          file
              + ":"
              + row.line()
              + ": "
              + row.cells().size()
              + " cells (expected: "
              + header.size()
              + ", as the header)");
    }
    return row;
  }

  private @Nullable Row read() throws OfflineException {
    long begins = line + 1;
    try {
      while (records.hasNext()) {
        CSVRecord record = records.next();
        if (record.size() > 1 || !record.get(0).isEmpty()) {
          // Lines inside quotes belong to their record.
          line = Math.max(begins, parser.getCurrentLineNumber());
          List<String> cells = new ArrayList<>(record.size());
          record.forEach(cells::add);
          return new Row(begins, cells);
        }
        line = begins;
        begins++;
      }
      return null;
    } catch (UncheckedIOException | IllegalStateException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      String why =
          cause instanceof CharacterCodingException
              ? "not valid UTF-8"
              : "cannot be read: " + cause.getMessage();
      throw new OfflineException(Kind.DATA, file + ":" + begins + ": " + why);
    }
  }

  /** An error at a cell. */
  OfflineException at(long atLine, String column, String what) {
    return new OfflineException(
        Kind.DATA, file + ":" + atLine + ": column '" + column + "': " + what);
  }

  /** An error of the header. */
  OfflineException inHeader(String what) {
    return new OfflineException(Kind.DATA, file + ":1: " + what);
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }
}
