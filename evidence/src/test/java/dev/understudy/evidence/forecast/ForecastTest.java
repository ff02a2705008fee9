package dev.understudy.evidence.forecast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.MarginProcess;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

final class ForecastTest {
  private final Forecast forecast = new Forecast(1);

  @Test
  void withoutErrorsTheForecastIsTheExactFirstRequest() {
    for (double w : new double[] {.05, .25, .5}) {
      for (double margin : new double[] {.01, .02}) {
        long requests =
            forecast.requestsToProveFailures(w, margin, .05, 0, 1_000_000).orElseThrow();
        System.out.println("forecast A2 w " + w + " margin " + margin + ": " + requests);
        MarginProcess process =
            new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
        process.add(w, requests - 1, 0, 0, 0);
        assertTrue(!process.reaches(.05));
        process.add(w, 1, 0, 0, 0);
        assertTrue(process.reaches(.05));
      }
    }
    assertTrue(forecast.requestsToProveFailures(.05, .01, .05, 0, 5000).isEmpty());
  }

  @Test
  void withErrorsItAgreesWithTheProcessesThemselves() {
    long requests = forecast.requestsToProveFailures(.1, .01, .05, .001, 100_000).orElseThrow();
    assertEquals(5648.0, (double) requests, .15 * 5648);
    long pairs = forecast.pairsToProveQuality(.02, .05, .01, .02, 100_000).orElseThrow();
    assertTrue(pairs > 150 && pairs < 1500, () -> "pairs " + pairs);
    long blocks =
        forecast.blocksToProveLatency(400, .05, .95, .95, .25, .6, .05, 1000).orElseThrow();
    assertEquals(22.0, (double) blocks, 6.0);
  }

  @Test
  void whatCannotBeProvedHasNoForecast() {
    assertEquals(OptionalLong.empty(), forecast.requestsToProveFailures(.1, .01, .05, .5, 20_000));
    assertEquals(OptionalLong.empty(), forecast.pairsToProveQuality(.01, .05, .03, .01, 20_000));
    assertEquals(
        OptionalLong.empty(), forecast.blocksToProveLatency(100, .05, .95, .95, 0, .6, .05, 100));
    assertThrows(
        IllegalArgumentException.class,
        () -> forecast.pairsToProveQuality(.01, .05, .8, .8, 20_000));
    assertThrows(
        IllegalArgumentException.class,
        () -> forecast.requestsToProveFailures(Double.NaN, .01, .05, 0, 100));
  }

  @Test
  void equalSeedsGiveEqualForecasts() {
    assertEquals(
        new Forecast(7).requestsToProveFailures(.25, .01, .05, .002, 100_000),
        new Forecast(7).requestsToProveFailures(.25, .01, .05, .002, 100_000));
  }

  @Test
  void itIsQuick() {
    forecast.requestsToProveFailures(.05, .01, .05, .01, 1_000_000);
    long start = System.nanoTime();
    forecast.requestsToProveFailures(.05, .01, .05, .01, 1_000_000);
    long millis = (System.nanoTime() - start) / 1_000_000;
    System.out.println("forecast took " + millis + " ms");
    assertTrue(
        millis < 2000, () -> millis + " ms"); // An order of magnitude of slack for a busy machine.
  }

  @Test
  void theNormalDistributionIsRight() {
    assertEquals(.05, Normal.above(1.6448536), 1e-6);
    assertEquals(1.6448536, Normal.quantile(.95), 1e-5);
    assertEquals(-2.3263479, Normal.quantile(.01), 1e-5);
  }
}
