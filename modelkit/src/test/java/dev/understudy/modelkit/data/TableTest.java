package dev.understudy.modelkit.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class TableTest {
  private static final Table TABLE =
      Table.of(2, new float[] {1, 2, 3, 4, 5, 6}, new boolean[] {true, false, false});

  @Test
  void rowsAndColumnsAreTheSameValues() {
    assertArrayEquals(new float[] {3, 4}, TABLE.row(1));
    assertArrayEquals(new float[] {2, 4, 6}, TABLE.column(1));
    assertEquals(5, TABLE.value(2, 0));
    assertEquals(1 / 3.0, TABLE.positiveShare());
  }

  @Test
  void aNewColumnStandsAtTheRight() {
    Table wider = TABLE.withColumn(new float[] {7, 8, 9});
    assertArrayEquals(new float[] {3, 4, 8}, wider.row(1));
    assertArrayEquals(TABLE.labels(), wider.labels());
  }

  @Test
  void sizesMustFit() {
    assertThrows(IllegalArgumentException.class, () -> Table.of(2, new float[5], new boolean[3]));
    assertThrows(IllegalArgumentException.class, () -> TABLE.withColumn(new float[2]));
  }
}
