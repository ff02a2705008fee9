package dev.understudy.launcher.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import dev.understudy.loadtest.RowCounts;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import io.grpc.Channel;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Requests from the rows of a CSV file (RFC 4180, UTF-8) with a header. If the model has one input,
 * a row's cells are its values in order; otherwise each input takes the column of its name. An
 * empty cell and {@code NaN} are missing values.
 */
final class CsvRequests {
  private CsvRequests() {}

  static List<byte[]> read(
      Path file, String model, String version, Channel channel, RowCounts counts, long seed)
      throws IOException {
    ModelMetadataResponse metadata =
        GRPCInferenceServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .modelMetadata(
                ModelMetadataRequest.newBuilder().setName(model).setVersion(version).build());
    SplittableRandom random = new SplittableRandom(seed);
    List<byte[]> requests = new ArrayList<>();
    try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        CSVParser parser =
            CSVParser.builder()
                .setReader(reader)
                .setFormat(
                    CSVFormat.RFC4180
                        .builder()
                        .setHeader()
                        .setSkipHeaderRecord(true)
                        .setIgnoreSurroundingSpaces(true)
                        .setIgnoreEmptyLines(true)
                        .get())
                .get()) {
      List<String> columns = parser.getHeaderNames();
      List<CSVRecord> rows = new ArrayList<>();
      int wanted = counts.next(random);
      for (CSVRecord row : parser) {
        if (row.size() != columns.size()) {
          throw new IllegalArgumentException(
              file
                  + ": row "
                  + row.getRecordNumber()
                  + " has "
                  + row.size()
                  + " cells (expected: "
                  + columns.size()
                  + ", as the header)");
        }
        rows.add(row);
        if (rows.size() == wanted) {
          requests.add(request(file, metadata, model, version, columns, rows));
          rows.clear();
          wanted = counts.next(random);
        }
      }
      if (!rows.isEmpty()) {
        requests.add(request(file, metadata, model, version, columns, rows));
      }
    } catch (UncheckedIOException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
    if (requests.isEmpty()) {
      throw new IllegalArgumentException(file + ": no rows (expected: a header and rows)");
    }
    return requests;
  }

  private static byte[] request(
      Path file,
      ModelMetadataResponse metadata,
      String model,
      String version,
      List<String> columns,
      List<CSVRecord> rows) {
    JsonArray inputs = new JsonArray();
    boolean one = metadata.getInputsCount() == 1;
    for (ModelMetadataResponse.TensorMetadata input : metadata.getInputsList()) {
      int column = columns.indexOf(input.getName());
      boolean whole = one && (column < 0 || columns.size() > 1);
      if (!whole && column < 0) {
        throw new IllegalArgumentException(
            file + ": no column '" + input.getName() + "' for the input of that name");
      }
      JsonArray shape = new JsonArray();
      shape.add(rows.size());
      if (whole || input.getShapeCount() > 1) {
        shape.add(whole ? columns.size() : 1);
      }
      JsonArray data = new JsonArray();
      for (CSVRecord row : rows) {
        for (int i = whole ? 0 : column; i < (whole ? columns.size() : column + 1); i++) {
          data.add(cell(row.get(i), input.getDatatype()));
        }
      }
      JsonObject tensor = new JsonObject();
      tensor.addProperty("name", input.getName());
      tensor.addProperty("datatype", input.getDatatype());
      tensor.add("shape", shape);
      tensor.add("data", data);
      inputs.add(tensor);
    }
    JsonObject body = new JsonObject();
    body.add("inputs", inputs);
    try {
      return InferJson.request(body.toString(), model, version).toByteArray();
    } catch (JsonParseException e) {
      throw new IllegalArgumentException(
          file + ": up to row " + rows.getLast().getRecordNumber() + ": " + e.getMessage(), e);
    }
  }

  private static JsonElement cell(String text, String datatype) {
    return switch (datatype) {
      case "BYTES" -> new JsonPrimitive(text);
      case "BOOL" -> new JsonPrimitive(text.equals("1") || text.equalsIgnoreCase("true"));
      default -> {
        if (text.isEmpty() || text.equalsIgnoreCase("nan")) {
          yield JsonNull.INSTANCE;
        }
        try {
          yield new JsonPrimitive(new BigDecimal(text));
        } catch (NumberFormatException e) {
          yield new JsonPrimitive(text); // Refused with the tensor's name.
        }
      }
    };
  }
}
