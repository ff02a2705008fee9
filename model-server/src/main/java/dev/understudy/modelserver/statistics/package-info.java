/** What is counted for each model version, for the statistics call and for the metrics page. */
@NullMarked
package dev.understudy.modelserver.statistics;

import org.jspecify.annotations.NullMarked;
