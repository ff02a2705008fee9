package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Phase;
import dev.understudy.rollout.policy.Phases;
import java.io.IOException;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The drawing and the table of a rollout's states are those of the code. */
class TransitionsTest {

  private static final Pattern TABLE =
      Pattern.compile("(?s)<!-- transitions -->(.*)<!-- /transitions -->");
  private static final Pattern ROW = Pattern.compile("(?m)^\\| ([A-Z]+) \\| ([A-Z, –]+) \\|$");
  private static final Pattern WORD = Pattern.compile("([A-Z]{6,})");
  private static final Pattern DRAWING =
      Pattern.compile("(?s)## A rollout: all states.*?```(.*?)```");

  @Test
  void theTableListsEveryWayBetweenStatesAndNoOther() throws IOException {
    Map<Phase, Set<Phase>> told = new EnumMap<>(Phase.class);
    Matcher row = ROW.matcher(only(TABLE));
    while (row.find()) {
      Set<Phase> next = EnumSet.noneOf(Phase.class);
      Pages.matches(WORD, row.group(2)).forEach(word -> next.add(Phase.valueOf(word)));
      told.put(Phase.valueOf(row.group(1)), next);
    }
    Map<Phase, Set<Phase>> real = new EnumMap<>(Phase.class);
    for (Phase phase : Phase.values()) {
      if (phase != Phase.PHASE_UNSPECIFIED && phase != Phase.UNRECOGNIZED) {
        Set<Phase> next = EnumSet.noneOf(Phase.class);
        next.addAll(Phases.after(phase));
        next.remove(phase); // Staying is always legal.
        real.put(phase, next);
      }
    }
    assertEquals(real, told);
  }

  @Test
  void theDrawingShowsEveryState() throws IOException {
    List<String> words = Pages.matches(WORD, only(DRAWING));
    for (Phase phase : Phase.values()) {
      if (phase != Phase.PHASE_UNSPECIFIED && phase != Phase.UNRECOGNIZED) {
        assertTrue(words.contains(phase.name()), phase + " is not drawn");
      }
    }
  }

  private static String only(Pattern pattern) throws IOException {
    List<String> found = Pages.matches(pattern, Pages.text("architecture.md"));
    assertEquals(1, found.size(), "parts of architecture.md that match " + pattern);
    return found.getFirst();
  }
}
