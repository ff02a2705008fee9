package dev.understudy.chassis.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.chassis.connection.FrameScanner.Result;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class FrameScannerTest {
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  /** Writes down what it is told; pieces of one DATA frame are joined. */
  private static final class Notes implements FrameScanner.Sink {
    private final List<String> told = new ArrayList<>();
    private final StringBuilder data = new StringBuilder();

    @Override
    public boolean frame(int type, int flags, int stream, int length) {
      end();
      told.add(type + " " + flags + " " + stream + " " + length);
      return type != 0x7f;
    }

    @Override
    public void data(int stream, ByteBuf in, int from, int count) {
      data.append(ByteBufUtil.hexDump(in, from, count));
    }

    @Override
    public void windowUpdate(int stream, int increment) {
      told.add("window " + stream + " " + increment);
    }

    private void end() {
      if (!data.isEmpty()) {
        told.add("data " + data);
        data.setLength(0);
      }
    }

    List<String> all() {
      end();
      return told;
    }
  }

  private static byte[] connection(String... framesInHex) {
    ByteBuf all = Unpooled.buffer().writeBytes(PREFACE);
    for (String frame : framesInHex) {
      all.writeBytes(HexFormat.of().parseHex(frame.replace(" ", "")));
    }
    return ByteBufUtil.getBytes(all);
  }

  private static Result scan(FrameScanner scanner, byte[] bytes, int pieces) {
    Result result = Result.GOES_ON;
    int size = Math.max(1, bytes.length / pieces);
    for (int at = 0; at < bytes.length && result == Result.GOES_ON; at += size) {
      ByteBuf piece = Unpooled.wrappedBuffer(bytes, at, Math.min(size, bytes.length - at));
      result = scanner.scan(piece);
      assertEquals(0, piece.readerIndex(), "nothing is consumed");
    }
    return result;
  }

  @Test
  void framesAreSeenHoweverTheyAreCut() {
    byte[] bytes =
        connection(
            "000000 04 00 00000000",
            "000003 00 00 00000001 aabbcc",
            // Padded by two, of which the first byte tells.
            "000006 00 09 00000003 02 010203 0000",
            "000004 08 00 80000005 80000007",
            "000008 06 01 00000000 0000000000000000");
    List<String> expected =
        List.of(
            "4 0 0 0",
            "0 0 1 3",
            "data aabbcc",
            "0 9 3 6",
            "data 010203",
            "8 0 5 4",
            "window 5 7",
            "6 1 0 8");
    for (int pieces = 1; pieces <= bytes.length; pieces++) {
      Notes notes = new Notes();
      FrameScanner scanner = new FrameScanner(notes);
      assertEquals(Result.GOES_ON, scan(scanner, bytes, pieces));
      assertEquals(expected, notes.all(), pieces + " pieces");
      assertTrue(scanner.atBoundary());
    }
  }

  @Test
  void insideAFrameIsNoBoundary() {
    FrameScanner scanner = new FrameScanner(new Notes());
    assertFalse(scanner.atBoundary());
    scan(scanner, connection("000003 00 00 00000001 aa"), 1);
    assertFalse(scanner.atBoundary());
    scanner.scan(Unpooled.wrappedBuffer(new byte[] {1, 2}));
    assertTrue(scanner.atBoundary());
    scanner.scan(Unpooled.wrappedBuffer(new byte[] {0}));
    assertFalse(scanner.atBoundary());
  }

  @Test
  void anotherPrefaceIsFoundAtItsFirstWrongByte() {
    byte[] wrong = PREFACE.clone();
    wrong[23] = 'x';
    Notes notes = new Notes();
    assertEquals(Result.BAD_PREFACE, scan(new FrameScanner(notes), wrong, 5));
    assertEquals(List.of(), notes.all());
  }

  @Test
  void theSinkEndsTheScan() {
    Notes notes = new Notes();
    byte[] bytes = connection("000000 7f 00 00000000", "000000 06 00 00000000");
    assertEquals(Result.STOPPED, scan(new FrameScanner(notes), bytes, 1));
    assertEquals(List.of("127 0 0 0"), notes.all());
  }

  @FuzzTest(maxDuration = "60s")
  void anyBytesAreReadTheSameInAnyPieces(byte[] bytes) {
    byte[] all = new byte[PREFACE.length + bytes.length];
    System.arraycopy(PREFACE, 0, all, 0, PREFACE.length);
    System.arraycopy(bytes, 0, all, PREFACE.length, bytes.length);
    Notes whole = new Notes();
    Result result = scan(new FrameScanner(whole), all, 1);
    for (int pieces : new int[] {2, 7, all.length}) {
      Notes cut = new Notes();
      assertEquals(result, scan(new FrameScanner(cut), all, pieces));
      assertEquals(whole.all(), cut.all(), pieces + " pieces");
    }
    UnfinishedMessages unfinished = new UnfinishedMessages();
    ByteBuf in = Unpooled.wrappedBuffer(bytes);
    int split = bytes.length / 3;
    unfinished.data(1, in, 0, split);
    unfinished.data(1, in, split, bytes.length - split);
    UnfinishedMessages once = new UnfinishedMessages();
    once.data(1, in, 0, bytes.length);
    assertEquals(once.held(), unfinished.held());
    assertTrue(once.held() >= 0 && once.held() < Math.max(1, bytes.length), "held " + once.held());
    once.ended(1);
    assertEquals(0, once.held());
  }
}
