/** Step 4: does the request fit the model's signature? */
@NullMarked
package dev.understudy.router.validation;

import org.jspecify.annotations.NullMarked;
