package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Role;

/**
 * Which version a cell is about. Roles change at the promotion, versions do not: the challenger's
 * counts as champion must never be taken for those of the version that it was measured against.
 */
record Versions(String before, String challenger) {
  static Versions of(EvaluationSpec spec) {
    return new Versions(spec.getChampionVersion(), spec.getChallengerVersion());
  }

  /** Whether the cell counts the challenger as champion. Never in a drill of one version. */
  boolean promoted(Cell cell) {
    return cell.getRole() == Role.CHAMPION
        && !challenger.equals(before)
        && cell.getVersion().equals(challenger);
  }

  /** Whether the cell counts the version before on the share that it kept. */
  boolean kept(Cell cell) {
    return cell.getRole() == Role.CONTROL
        && cell.getCanaryWeightBp() == 0
        && !challenger.equals(before)
        && cell.getVersion().equals(before);
  }
}
