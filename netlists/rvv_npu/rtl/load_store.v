// Load/store unit: lane addresses into the scratchpad, and block transfers between scratchpad and memory port.

// Scratchpad request of one lane: unit stride, constant stride, or indexed by the lane's operand.
module lane_address #(
    parameter LANE = 0,
    parameter LANES = 4,
    parameter ADDRESS_BITS = 13
) (
    input clk,
    input rst_n,
    input start,
    input [ADDRESS_BITS-1:0] base,
    input [ADDRESS_BITS-1:0] stride,
    input indexed,
    input load_wanted,
    input store_valid,
    input [63:0] store_data,
    input [63:0] index_data,
    output store_ready,
    output valid,
    output write,
    output [ADDRESS_BITS-1:0] address,
    output [63:0] data,
    input granted,
    output load_granted,
    output reg pending
);
    reg [ADDRESS_BITS-1:0] offset;
    reg [63:0] held;
    wire [ADDRESS_BITS-1:0] lane = LANE;
    wire [ADDRESS_BITS-1:0] lanes = LANES;
    wire [ADDRESS_BITS-1:0] chosen = indexed ? index_data[ADDRESS_BITS-1:0] : offset;
    assign store_ready = !pending | granted;
    assign write = pending;
    assign load_granted = granted & !pending;
    assign valid = pending | load_wanted;
    assign address = base + chosen;
    assign data = held;
    always @(posedge clk) begin
        if (!rst_n) pending <= 1'b0;
        else if (store_valid) pending <= 1'b1;
        else if (granted) pending <= 1'b0;
        if (store_valid) held <= store_data;
        if (start) offset <= lane * stride;
        else if (granted) offset <= offset + stride * lanes;
    end
endmodule

// Transfer engine of one 64-bit column of the memory port: its scratchpad requests in both directions.
module transfer_column #(
    parameter COLUMN = 0,
    parameter COLUMNS = 2,
    parameter ADDRESS_BITS = 13
) (
    input clk,
    input rst_n,
    input start,
    input to_memory,
    input [ADDRESS_BITS-1:0] base,
    input [11:0] words,
    input buffer_has_word,
    output buffer_pop,
    input buffer_has_space,
    input [63:0] buffer_data,
    output valid,
    output write,
    output [ADDRESS_BITS-1:0] address,
    output [63:0] data,
    input granted,
    output reg busy
);
    reg [11:0] left;
    reg [ADDRESS_BITS-1:0] place;
    wire [ADDRESS_BITS-1:0] columns = COLUMNS;
    wire [ADDRESS_BITS-1:0] column = COLUMN;
    assign write = !to_memory;
    assign valid = busy & (to_memory ? buffer_has_space : buffer_has_word);
    assign buffer_pop = granted & !to_memory;
    assign address = place;
    assign data = buffer_data;
    always @(posedge clk) begin
        if (!rst_n) busy <= 1'b0;
        else if (start) busy <= 1'b1;
        else if (granted & (left == 12'd1)) busy <= 1'b0;
        if (start) begin
            left <= words;
            place <= base + column;
        end else if (granted) begin
            left <= left - 12'd1;
            place <= place + columns;
        end
    end
endmodule

// Pointers of a buffer of 64 words in a single-port SRAM. A push goes before a read; the next word is read ahead, so that
// it stands at the memory's output while has_word is high.
module buffer_control (
    input clk,
    input rst_n,
    input push,
    input pop,
    output has_space,
    output reg has_word,
    output enable,
    output write,
    output [5:0] address
);
    reg [5:0] head;
    reg [5:0] tail;
    reg [6:0] held;
    wire read = (held != 7'd0) & !push & (!has_word | pop);
    assign has_space = held < 7'd60;
    assign enable = push | read;
    assign write = push;
    assign address = push ? tail : head;
    always @(posedge clk) begin
        if (!rst_n) begin
            head <= 6'd0;
            tail <= 6'd0;
            held <= 7'd0;
            has_word <= 1'b0;
        end else begin
            if (push) tail <= tail + 6'd1;
            if (read) head <= head + 6'd1;
            held <= held + {6'd0, push} - {6'd0, read};
            has_word <= read | (has_word & !pop);
        end
    end
endmodule

// Buffer of memory words of one column.
module word_buffer (
    input clk,
    input rst_n,
    input push,
    input [63:0] push_data,
    input pop,
    output has_space,
    output has_word,
    output [63:0] data
);
    wire enable;
    wire write;
    wire [5:0] address;
    buffer_control control (
        .clk(clk), .rst_n(rst_n), .push(push), .pop(pop), .has_space(has_space), .has_word(has_word),
        .enable(enable), .write(write), .address(address)
    );
    memory_1rw #(.WORDS(64), .ADDRESS_BITS(16)) memory (
        .clk(clk), .enable(enable), .write(write), .address({10'd0, address}), .write_data(push_data),
        .write_mask({64{1'b1}}), .read_data(data)
    );
endmodule

// Memory side: requests of a block transfer, one burst beat a cycle.
module memory_port #(
    parameter COLUMNS = 2,
    parameter MEMORY_ADDRESS_BITS = 40
) (
    input clk,
    input rst_n,
    input start,
    input to_memory,
    input [MEMORY_ADDRESS_BITS-1:0] base,
    input [11:0] beats,
    input [COLUMNS-1:0] store_has_word,
    output [COLUMNS-1:0] store_pop,
    input [64*COLUMNS-1:0] store_words,
    input [COLUMNS-1:0] load_has_space,
    output [COLUMNS-1:0] load_push,
    output [64*COLUMNS-1:0] load_words,
    output reg request_valid,
    output reg request_write,
    output reg [MEMORY_ADDRESS_BITS-1:0] request_address,
    output reg [64*COLUMNS-1:0] request_data,
    input request_ready,
    input response_valid,
    input [64*COLUMNS-1:0] response_data,
    output reg busy
);
    reg [11:0] left;
    reg [MEMORY_ADDRESS_BITS-1:0] place;
    wire [MEMORY_ADDRESS_BITS-1:0] step = 8 * COLUMNS;
    wire may = busy & (!request_valid | request_ready) & (to_memory ? &store_has_word : &load_has_space);
    assign store_pop = {COLUMNS{may & to_memory}};
    assign load_push = {COLUMNS{response_valid}};
    assign load_words = response_data;
    always @(posedge clk) begin
        if (!rst_n) begin
            busy <= 1'b0;
            request_valid <= 1'b0;
        end else begin
            if (start) busy <= 1'b1;
            else if (may & (left == 12'd1)) busy <= 1'b0;
            if (may) request_valid <= 1'b1;
            else if (request_ready) request_valid <= 1'b0;
        end
        if (start) begin
            left <= beats;
            place <= base;
        end else if (may) begin
            left <= left - 12'd1;
            place <= place + step;
        end
        if (may) begin
            request_write <= to_memory;
            request_address <= place;
            request_data <= store_words;
        end
    end
endmodule

// Starts lane accesses and block transfers, says when they are done.
module load_store_control #(
    parameter LANES = 4,
    parameter COLUMNS = 2,
    parameter ADDRESS_BITS = 13,
    parameter MEMORY_ADDRESS_BITS = 40
) (
    input clk,
    input rst_n,
    input command_valid,
    input [2:0] command,
    input [63:0] operand1,
    input [63:0] operand2,
    input [COLUMNS-1:0] columns_busy,
    input [LANES-1:0] stores_pending,
    input port_busy,
    output command_ready,
    output reg lane_start,
    output reg indexed,
    output reg [ADDRESS_BITS-1:0] base,
    output reg [ADDRESS_BITS-1:0] stride,
    output reg transfer_start,
    output reg to_memory,
    output reg [11:0] words,
    output reg [MEMORY_ADDRESS_BITS-1:0] memory_base
);
    assign command_ready = !(|columns_busy) & !(|stores_pending) & !port_busy & !transfer_start & !lane_start;
    always @(posedge clk) begin
        lane_start <= rst_n & command_valid & !command[2];
        transfer_start <= rst_n & command_valid & command[2] & command_ready;
        if (command_valid & command_ready) begin
            indexed <= command[1];
            to_memory <= command[0];
            base <= operand2[ADDRESS_BITS-1:0];
            stride <= operand2[16 +: ADDRESS_BITS];
            words <= operand2[48 +: 12];
            memory_base <= operand1[MEMORY_ADDRESS_BITS-1:0];
        end
    end
endmodule

module load_store_unit #(
    parameter LANES = 4,
    parameter COLUMNS = 2,
    parameter ADDRESS_BITS = 13,
    parameter MEMORY_ADDRESS_BITS = 40
) (
    input clk,
    input rst_n,
    input command_valid,
    input [2:0] command,
    input [63:0] operand1,
    input [63:0] operand2,
    output command_ready,
    input [LANES-1:0] load_wanted,
    input [LANES-1:0] store_valid,
    input [64*LANES-1:0] store_data,
    input [64*LANES-1:0] index_data,
    output [LANES-1:0] store_ready,
    output [LANES-1:0] load_granted,
    output [LANES+COLUMNS-1:0] spad_valid,
    output [LANES+COLUMNS-1:0] spad_write,
    output [(LANES+COLUMNS)*ADDRESS_BITS-1:0] spad_address,
    output [(LANES+COLUMNS)*64-1:0] spad_data,
    input [LANES+COLUMNS-1:0] spad_granted,
    input [COLUMNS-1:0] spad_read_valid,
    input [64*COLUMNS-1:0] spad_read_data,
    output request_valid,
    output request_write,
    output [MEMORY_ADDRESS_BITS-1:0] request_address,
    output [64*COLUMNS-1:0] request_data,
    input request_ready,
    input response_valid,
    input [64*COLUMNS-1:0] response_data
);
    wire lane_start;
    wire indexed;
    wire [ADDRESS_BITS-1:0] base;
    wire [ADDRESS_BITS-1:0] stride;
    wire transfer_start;
    wire to_memory;
    wire [11:0] words;
    wire [MEMORY_ADDRESS_BITS-1:0] memory_base;
    wire [COLUMNS-1:0] columns_busy;
    wire [LANES-1:0] stores_pending;
    wire port_busy;
    wire [COLUMNS-1:0] store_has_word;
    wire [COLUMNS-1:0] store_has_space;
    wire [COLUMNS-1:0] store_pop;
    wire [64*COLUMNS-1:0] store_words;
    wire [COLUMNS-1:0] load_has_word;
    wire [COLUMNS-1:0] load_has_space;
    wire [COLUMNS-1:0] load_push;
    wire [COLUMNS-1:0] load_pop;
    wire [64*COLUMNS-1:0] load_in;
    wire [64*COLUMNS-1:0] load_out;
    load_store_control #(
        .LANES(LANES), .COLUMNS(COLUMNS), .ADDRESS_BITS(ADDRESS_BITS), .MEMORY_ADDRESS_BITS(MEMORY_ADDRESS_BITS)
    ) control (
        .clk(clk), .rst_n(rst_n), .command_valid(command_valid), .command(command), .operand1(operand1),
        .operand2(operand2), .columns_busy(columns_busy), .stores_pending(stores_pending), .port_busy(port_busy),
        .command_ready(command_ready), .lane_start(lane_start), .indexed(indexed), .base(base), .stride(stride), .transfer_start(transfer_start),
        .to_memory(to_memory), .words(words), .memory_base(memory_base)
    );
    memory_port #(.COLUMNS(COLUMNS), .MEMORY_ADDRESS_BITS(MEMORY_ADDRESS_BITS)) port (
        .clk(clk), .rst_n(rst_n), .start(transfer_start), .to_memory(to_memory), .base(memory_base), .beats(words),
        .store_has_word(store_has_word), .store_pop(store_pop), .store_words(store_words),
        .load_has_space(load_has_space), .load_push(load_push), .load_words(load_in), .request_valid(request_valid),
        .request_write(request_write), .request_address(request_address), .request_data(request_data),
        .request_ready(request_ready), .response_valid(response_valid), .response_data(response_data), .busy(port_busy)
    );
    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : lane
            lane_address #(.LANE(i), .LANES(LANES), .ADDRESS_BITS(ADDRESS_BITS)) generator (
                .clk(clk), .rst_n(rst_n), .start(lane_start), .base(base), .stride(stride), .indexed(indexed),
                .load_wanted(load_wanted[i]), .store_valid(store_valid[i]), .store_data(store_data[64*i +: 64]),
                .index_data(index_data[64*i +: 64]), .store_ready(store_ready[i]), .valid(spad_valid[i]),
                .write(spad_write[i]), .address(spad_address[ADDRESS_BITS*i +: ADDRESS_BITS]),
                .data(spad_data[64*i +: 64]), .granted(spad_granted[i]), .load_granted(load_granted[i]),
                .pending(stores_pending[i])
            );
        end
        for (i = 0; i < COLUMNS; i = i + 1) begin : column
            transfer_column #(.COLUMN(i), .COLUMNS(COLUMNS), .ADDRESS_BITS(ADDRESS_BITS)) engine (
                .clk(clk), .rst_n(rst_n), .start(transfer_start), .to_memory(to_memory), .base(base), .words(words),
                .buffer_has_word(load_has_word[i]), .buffer_pop(load_pop[i]), .buffer_has_space(store_has_space[i]),
                .buffer_data(load_out[64*i +: 64]), .valid(spad_valid[LANES+i]), .write(spad_write[LANES+i]),
                .address(spad_address[ADDRESS_BITS*(LANES+i) +: ADDRESS_BITS]), .data(spad_data[64*(LANES+i) +: 64]),
                .granted(spad_granted[LANES+i]), .busy(columns_busy[i])
            );
            word_buffer load_buffer (
                .clk(clk), .rst_n(rst_n), .push(load_push[i]), .push_data(load_in[64*i +: 64]), .pop(load_pop[i]),
                .has_space(load_has_space[i]), .has_word(load_has_word[i]), .data(load_out[64*i +: 64])
            );
            word_buffer store_buffer (
                .clk(clk), .rst_n(rst_n), .push(spad_read_valid[i]), .push_data(spad_read_data[64*i +: 64]),
                .pop(store_pop[i]), .has_space(store_has_space[i]), .has_word(store_has_word[i]),
                .data(store_words[64*i +: 64])
            );
        end
    endgenerate
endmodule
