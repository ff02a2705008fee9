/** Folds the logs and tells whoever asks what they amount to. */
@NullMarked
package dev.understudy.comparator.judge;

import org.jspecify.annotations.NullMarked;
