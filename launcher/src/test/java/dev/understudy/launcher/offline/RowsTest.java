package dev.understudy.launcher.offline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Feature;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowsTest {
  @TempDir Path folder;

  @Test
  void quotesLineBreaksBlankLinesAndAByteOrderMarkAreRead() throws Exception {
    Path file = folder.resolve("rows.csv");
    Files.writeString(file, "\uFEFFa, \"b,c\"\r\n1,\"two\nlines\"\r\n\r\n3,4");
    try (Rows rows = Rows.open(file, ',')) {
      assertEquals(List.of("a", "b,c"), rows.names());
      assertEquals(new Rows.Row(2, List.of("1", "two\nlines")), rows.next());
      assertEquals(new Rows.Row(5, List.of("3", "4")), rows.next());
      assertNull(rows.next());
    }
  }

  @Test
  void whatIsWrongIsNamedWithItsLineAndColumn() throws Exception {
    assertRefused("t.csv: empty (expected: a header and rows)", "");
    assertRefused("t.csv:1: column 'a': the header names it twice", "a,a\n1,2");
    assertRefused("t.csv:1: column '2': the header has no name here", "a,\n1,2");
    Rows ragged = Rows.of("t.csv", new StringReader("a,b\n1,2\n3\n"), ',');
    assertNotNull(ragged.next());
    assertEquals(
        "t.csv:3: 1 cells (expected: 2, as the header)",
        assertThrows(OfflineException.class, ragged::next).getMessage());
    Rows unclosed = Rows.of("t.csv", new StringReader("a,b\n1,2\n\"3,4\n5"), ',');
    assertNotNull(unclosed.next());
    String message =
        String.valueOf(assertThrows(OfflineException.class, unclosed::next).getMessage());
    assertTrue(message.startsWith("t.csv:3: cannot be read"), message);
  }

  @Test
  void bytesThatAreNoTextAndAMissingFileAreRefused() throws Exception {
    Path file = folder.resolve("latin.csv");
    Files.write(file, new byte[] {'a', '\n', (byte) 0xe9, '\n'});
    OfflineException e =
        assertThrows(
            OfflineException.class,
            () -> {
              try (Rows rows = Rows.open(file, ',')) {
                rows.next();
              }
            });
    assertTrue(String.valueOf(e.getMessage()).contains("not valid UTF-8"), e.getMessage());
    assertEquals(OfflineException.Kind.DATA, e.kind());
    assertThrows(OfflineException.class, () -> Rows.open(folder.resolve("none.csv"), ','));
  }

  @Test
  void cellsBecomeElementsOfEveryDatatype() {
    assertBytes("0000803f", Datatype.FP32, "1");
    assertBytes("000000000000f03f", Datatype.FP64, "1.0");
    assertBytes("003c", Datatype.FP16, "1");
    assertBytes("803f", Datatype.BF16, "1");
    assertBytes("0000c07f", Datatype.FP32, "");
    assertBytes("0000c07f", Datatype.FP32, "NaN");
    assertBytes("01", Datatype.BOOL, "True");
    assertBytes("ff", Datatype.UINT8, "255");
    assertBytes("80", Datatype.INT8, "-128");
    assertBytes("ffff", Datatype.UINT16, "65535");
    assertBytes("0080", Datatype.INT16, "-32768");
    assertBytes("ffffffff", Datatype.UINT32, "4294967295");
    assertBytes("07000000", Datatype.INT32, "7.0");
    assertBytes("ffffffffffffffff", Datatype.UINT64, "18446744073709551615");
    assertBytes("feffffffffffffff", Datatype.INT64, "-2");
    assertBytes("03000000e282ac", Datatype.BYTES, "€");
    assertBytes("00000000", Datatype.BYTES, "");
  }

  @Test
  void cellsThatADatatypeCannotHoldAreRefused() {
    assertBad(Datatype.FP32, "ten", "'ten' (expected: a number)");
    assertBad(Datatype.UINT8, "256", "'256' (expected: a whole number that UINT8 holds)");
    assertBad(Datatype.INT64, "1.5", "'1.5' (expected: a whole number that INT64 holds)");
    assertBad(Datatype.UINT64, "-1", "'-1' (expected: a whole number that UINT64 holds)");
    assertBad(Datatype.BOOL, "yes", "'yes' (expected: true or false)");
    assertBad(
        Datatype.INT32, "n/a", "missing (expected: a value, since INT32 has none that says so)");
  }

  @Test
  void oneInputTakesItsColumnsInTheOrderOfTheHeader() throws Exception {
    Rows rows = rows("id,b,a\nx,1,2\n");
    Layout layout = layout(rows, Set.of("id"), input("features", "FP32", -1, 2));
    ModelInferRequest request = layout.request(List.<byte[][]>of(layout.encode(rows, row(rows))));
    assertEquals(List.of(1L, 2L), request.getInputs(0).getShapeList());
    assertEquals(
        "0000803f00000040", HexFormat.of().formatHex(request.getRawInputContents(0).toByteArray()));
  }

  @Test
  void aContractFindsFeaturesByName() throws Exception {
    DataContract contract =
        DataContract.newBuilder()
            .setFeatureInput("features")
            .addFeatures(Feature.newBuilder().setName("a"))
            .addFeatures(Feature.newBuilder().setName("b"))
            .build();
    Rows rows = rows("b,a\n1,2\n");
    Layout layout = Layout.of(rows, model(input("features", "FP32", -1, 2)), contract, Set.of());
    assertArrayEquals(
        HexFormat.of().parseHex("000000400000803f"), layout.encode(rows, row(rows))[0]);
    assertEquals(
        "t.csv:1: feature 'b' of the contract has no column; did you mean 'bb'?",
        assertThrows(
                OfflineException.class,
                () ->
                    Layout.of(
                        rows("bb,a\n1,2\n"),
                        model(input("features", "FP32", -1, 2)),
                        contract,
                        Set.of()))
            .getMessage());
  }

  @Test
  void severalInputsTakeTheColumnsOfTheirNames() throws Exception {
    Rows rows = rows("x[1],n,x[0]\n2,7,1\n");
    Layout layout = layout(rows, Set.of(), input("x", "FP32", -1, 2), input("n", "INT64", -1));
    byte[][] encoded = layout.encode(rows, row(rows));
    assertArrayEquals(HexFormat.of().parseHex("0000803f00000040"), encoded[0]);
    assertArrayEquals(HexFormat.of().parseHex("0700000000000000"), encoded[1]);
    assertEquals(
        List.of(2L),
        layout.request(List.<byte[][]>of(encoded, encoded)).getInputs(1).getShapeList());
  }

  @Test
  void whatBelongsNowhereIsNotLeftOutSilently() {
    assertLayout(
        "t.csv:1: column 'extra' belongs to no input (expected: one of [a, b];"
            + " --ignore extra leaves it out)",
        "a,b,extra\n",
        input("a", "FP32", -1),
        input("b", "FP32", -1));
    assertLayout(
        "t.csv:1: input 'amount' has no column; did you mean 'amont'?",
        "amont,b\n",
        input("amount", "FP32", -1),
        input("b", "FP32", -1));
    assertLayout(
        "input 'x' of shape [-1, 3] takes 3 columns, the table has 2 for it: [a, b]",
        "a,b\n",
        input("x", "FP32", -1, 3));
    assertLayout(
        "input 'x' has shape [-1, -1, -1] (expected: at most one open dimension beside that of"
            + " rows, for a table)",
        "a,b\n",
        input("x", "FP32", -1, -1, -1));
    assertLayout("input 'x' has the unknown datatype FP8", "a\n", input("x", "FP8", -1, 1));
  }

  @Test
  void rowsPerCallFollowTheShape() throws Exception {
    assertEquals(4, layout(rows("a,b\n"), Set.of(), input("x", "FP32", 4, 2)).rowsPerCall(0));
    assertEquals(1, layout(rows("a,b\n"), Set.of(), input("x", "FP32", 2)).rowsPerCall(0));
    Layout open = layout(rows("a,b\n"), Set.of(), input("x", "FP32", -1, -1));
    assertEquals(8, open.rowsPerCall(8));
    Layout vector = layout(rows("a,b\n"), Set.of(), input("x", "FP32", -1));
    assertThrows(OfflineException.class, () -> vector.rowsPerCall(2));
    Layout fixed = layout(rows("a,b\n"), Set.of(), input("x", "FP32", 4, 2));
    assertThrows(OfflineException.class, () -> fixed.rowsPerCall(2));
  }

  private static void assertRefused(String message, String text) {
    assertEquals(
        message,
        assertThrows(OfflineException.class, () -> Rows.of("t.csv", new StringReader(text), ','))
            .getMessage());
  }

  private static void assertBytes(String hex, Datatype type, String cell) {
    assertEquals(hex, HexFormat.of().formatHex(Cells.encode(type, cell)), type + " " + cell);
  }

  private static void assertBad(Datatype type, String cell, String message) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> Cells.encode(type, cell)).getMessage());
  }

  private static void assertLayout(
      String message, String csv, ModelMetadataResponse.TensorMetadata... inputs) {
    assertEquals(
        message,
        assertThrows(OfflineException.class, () -> layout(rows(csv), Set.of(), inputs))
            .getMessage());
  }

  private static Rows rows(String csv) throws Exception {
    return Rows.of("t.csv", new StringReader(csv), ',');
  }

  private static Rows.Row row(Rows rows) throws Exception {
    Rows.Row row = rows.next();
    assertNotNull(row);
    return row;
  }

  private static Layout layout(
      Rows rows, Set<String> others, ModelMetadataResponse.TensorMetadata... inputs)
      throws OfflineException {
    return Layout.of(rows, model(inputs), DataContract.getDefaultInstance(), others);
  }

  private static ModelMetadataResponse model(ModelMetadataResponse.TensorMetadata... inputs) {
    return ModelMetadataResponse.newBuilder().setName("m").addAllInputs(List.of(inputs)).build();
  }

  private static ModelMetadataResponse.TensorMetadata input(
      String name, String datatype, long... shape) {
    return ModelMetadataResponse.TensorMetadata.newBuilder()
        .setName(name)
        .setDatatype(datatype)
        .addAllShape(Arrays.stream(shape).boxed().toList())
        .build();
  }
}
