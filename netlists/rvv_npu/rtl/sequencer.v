// Front end: instruction queue, decoder, sequencer, and the unit that answers the core.

// Queue of vector instructions with their two scalar operands.
module instruction_queue #(
    parameter DEPTH = 8,
    parameter INDEX_BITS = 3
) (
    input clk,
    input rst_n,
    input push,
    input [159:0] push_entry,
    input pop,
    output space,
    output valid,
    output [159:0] entry
);
    reg [159:0] entries [0:DEPTH-1];
    reg [INDEX_BITS-1:0] head;
    reg [INDEX_BITS-1:0] tail;
    reg [INDEX_BITS:0] held;
    assign space = held != DEPTH;
    assign valid = held != {(INDEX_BITS + 1){1'b0}};
    assign entry = entries[head];
    always @(posedge clk) begin
        if (push & space) entries[tail] <= push_entry;
        if (!rst_n) begin
            head <= {INDEX_BITS{1'b0}};
            tail <= {INDEX_BITS{1'b0}};
            held <= {(INDEX_BITS + 1){1'b0}};
        end else begin
            if (push & space) tail <= tail + 1'b1;
            if (pop) head <= head + 1'b1;
            held <= held + {{INDEX_BITS{1'b0}}, push & space} - {{INDEX_BITS{1'b0}}, pop};
        end
    end
endmodule

// From an RVV instruction word to a micro-operation; keeps vtype and vl.
module vector_decoder #(
    parameter BYTES_PER_BEAT = 32
) (
    input clk,
    input rst_n,
    input valid,
    input [159:0] entry,
    output reg [35:0] uop,
    output reg [2:0] memory_command,
    output is_memory,
    output is_transfer,
    output is_configuration
);
    reg [1:0] width;
    reg [15:0] length;
    wire [31:0] word = entry[31:0];
    wire [63:0] operand1 = entry[95:32];
    wire [5:0] function6 = word[31:26];
    wire [2:0] function3 = word[14:12];
    wire load = word[6:0] == 7'b0000111;
    wire store = word[6:0] == 7'b0100111;
    wire arithmetic = word[6:0] == 7'b1010111;
    wire is_float = (function3 == 3'b001) | (function3 == 3'b101);
    wire is_multiply = (function3 == 3'b010) | (function3 == 3'b110);
    wire [15:0] bytes = length << width;
    wire [15:0] per_beat = BYTES_PER_BEAT;
    wire [15:0] beats = (bytes + per_beat - 16'd1) / per_beat;
    reg [2:0] unit;
    reg [3:0] operation;
    assign is_configuration = arithmetic & (function3 == 3'b111);
    assign is_memory = load | store;
    assign is_transfer = word[6:0] == 7'b0001011;
    always @(*) begin
        case (function6)
            6'b000000: operation = 4'd0;
            6'b000010: operation = 4'd1;
            6'b001001: operation = 4'd2;
            6'b001010: operation = 4'd3;
            6'b001011: operation = 4'd4;
            6'b000101: operation = 4'd5;
            6'b000111: operation = 4'd6;
            6'b100101: operation = 4'd7;
            6'b101000: operation = 4'd8;
            6'b101001: operation = 4'd9;
            6'b011000: operation = 4'd10;
            default: operation = 4'd11;
        endcase
        if (load) unit = 3'd5;
        else if (store) unit = 3'd6;
        else if (is_float) unit = 3'd4;
        else if (is_multiply) unit = (width == 2'd0) ? 3'd1 : (width == 2'd1) ? 3'd2 : 3'd3;
        else if (function6[5:1] == 5'b00111) unit = 3'd7;
        else unit = 3'd0;
        uop = {beats[9:0], function3[2], !word[25], word[24:20], word[19:15], word[11:7], width, operation, unit};
        memory_command = {is_transfer, word[27:26] == 2'b11, store | word[12]};
    end
    always @(posedge clk) begin
        if (!rst_n) begin
            width <= 2'd0;
            length <= 16'd0;
        end else if (valid & is_configuration) begin
            width <= word[24:23];
            length <= operand1[15:0];
        end
    end
endmodule

// Starts a micro-operation when its registers are free and all lanes are ready; frees them when the lanes are done.
module sequencer #(
    parameter LANES = 4
) (
    input clk,
    input rst_n,
    input valid,
    input [35:0] uop,
    input is_memory,
    input is_transfer,
    input is_configuration,
    input [63:0] operand1,
    input [LANES-1:0] lanes_ready,
    input memory_ready,
    output pop,
    output reg lane_valid,
    output reg [35:0] lane_uop,
    output reg [63:0] lane_scalar,
    output memory_valid,
    output response_valid
);
    reg [31:0] busy_registers;
    wire idle = (&lanes_ready) & !lane_valid;
    wire [31:0] target = 32'd1 << uop[13:9];
    wire [31:0] read = (32'd1 << uop[18:14]) | (32'd1 << uop[23:19]) | target;
    wire free = (busy_registers & read) == 32'd0;
    wire start = valid & !is_transfer & !is_configuration & idle & free & (!is_memory | memory_ready);
    wire transfer = valid & is_transfer & memory_ready & idle;
    assign pop = start | (valid & is_configuration) | transfer;
    assign memory_valid = (start & is_memory) | transfer;
    assign response_valid = pop;
    always @(posedge clk) begin
        lane_valid <= rst_n & start;
        if (start) begin
            lane_uop <= uop;
            lane_scalar <= operand1;
        end
        if (!rst_n | idle) busy_registers <= start ? target : 32'd0;
        else if (start) busy_registers <= busy_registers | target;
    end
endmodule

// Sum of the lanes' mask counts, and the answer to the core.
module mask_unit #(
    parameter LANES = 4,
    parameter COUNT_BITS = 11
) (
    input clk,
    input rst_n,
    input valid,
    input [LANES*COUNT_BITS-1:0] counts,
    output reg response_valid,
    output reg [63:0] response_data
);
    reg [63:0] sum;
    integer i;
    always @(*) begin
        sum = 64'd0;
        for (i = 0; i < LANES; i = i + 1) sum = sum + counts[COUNT_BITS*i +: COUNT_BITS];
    end
    always @(posedge clk) begin
        response_valid <= rst_n & valid;
        response_data <= sum;
    end
endmodule
